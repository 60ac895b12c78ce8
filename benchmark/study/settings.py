"""Merge a study with its protocol into settings, and check everything that needs no images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ...results.errors import UsageError
from ...results.records.schema import THRESHOLD_QUANTILE
from ..data.domains import Domain, parse_domains
from ..data.images.preprocessing import MODES, Preprocessing
from ..data.opening.locations import DataRoots
from ..interface.context import Routing
from ..pixels.maps import SIGMA, MapSpec
from ..plugins.methods import load_method
from ..plugins.requirements import check_recurring, check_routing
from ..protocols.builtin import find_protocol
from ..protocols.protocol import Protocol
from ..streams.blending import check_blend
from ..streams.holdout import check_holdout, check_quantile
from ..streams.stream import Unseen
from . import values
from .fields import StudyFields
from .values import StudyError

DEFAULT_METHODS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {"mecad": {}}
DEFAULT_SEEDS = (0,)
DEFAULT_ORDERS = ("alphabetical",)
IMAGE_SIZE = 224
_IMAGE_SIZES = range(32, 2049)
_MAX_SIGMA = 1000.0


@dataclass(frozen=True)
class Settings:
    """The settings of a study before any image is read: its values, the protocol's, or defaults.

    Attributes:
        protocol: the protocol; None if the settings generate its id.
        dataset: name of the dataset, several joined by commas, or `auto`.
        data_root: where the datasets are.
        categories: the categories to use; None for all.
        skip_unreadable: whether unreadable images are left out.
        schedule: categories per experience.
        orders: orders of the categories, not yet resolved.
        drift: domains under which the categories return.
        blend: share of training images that move to a neighboring experience.
        holdout: share of training images that methods do not learn from.
        threshold_quantile: quantile of their scores that alarm thresholds have.
        contaminate: shares of defective images among the training ones; empty if the splits are
            those of the dataset.
        routing: whether methods get the category of test images.
        unseen: which categories are scored before they are introduced.
        methods: method -> parameter -> values to try.
        tune: method -> parameter -> values to choose from on training images.
        tune_on: the protocol whose training images are used; None for those of the study.
        seeds: seeds of the methods' random generators.
        match_memory: the method whose memory size the others get.
        backbone: name of the backbone; None for the dataset's default.
        weights: file of backbone weights.
        random_weights: whether the backbone is untrained.
        layers: layers of the backbone; None for its default.
        embedding: name of the embedding; None for the backbone's default.
        preprocessing: how images become squares.
        maps: smoothing of anomaly maps.
    """

    protocol: Protocol | None
    dataset: str
    data_root: Path | DataRoots | None
    categories: tuple[str, ...] | None
    skip_unreadable: bool
    schedule: str
    orders: tuple[str, ...]
    drift: tuple[Domain, ...]
    blend: float
    holdout: float
    threshold_quantile: float
    contaminate: tuple[float, ...]
    routing: Routing
    unseen: Unseen
    methods: Mapping[str, Mapping[str, tuple[Any, ...]]]
    tune: Mapping[str, Mapping[str, tuple[Any, ...]]]
    tune_on: str | None
    seeds: tuple[int, ...]
    match_memory: str | None
    backbone: str | None
    weights: Path | None
    random_weights: bool
    layers: tuple[int | str, ...] | None
    embedding: str | None
    preprocessing: Preprocessing
    maps: MapSpec


def settings_of(study: StudyFields) -> Settings:
    """Return the settings of a study.

    Raises:
        UsageError: a value is wrong, contradicts the protocol, or does not fit another one.
    """
    protocol = None if study.protocol is None else find_protocol(str(study.protocol))
    fixed = {} if protocol is None else _fixed_by(protocol)
    for field, (value, text) in fixed.items():
        chosen = getattr(study, field)
        if chosen is not None and _comparable(field, chosen, protocol) != value:
            raise StudyError(
                field, f"contradicts the protocol {study.protocol}, which sets {text or value}"
            )
    defaults = None if protocol is None else protocol.study
    given: Any = study  # its lists are tuples now
    settings = Settings(
        protocol=protocol,
        dataset=protocol.dataset if protocol else study.dataset or "auto",
        data_root=_data_root(study.data_root),
        categories=protocol.categories if protocol and protocol.categories else given.categories,
        skip_unreadable=study.skip_unreadable,
        schedule=protocol.schedule if protocol else study.schedule or "1x*",
        orders=given.orders or (protocol.orders if protocol else DEFAULT_ORDERS),
        drift=parse_domains(protocol.drift if protocol else given.drift or ()),
        blend=protocol.blend if protocol else check_blend(study.blend or 0.0),
        holdout=protocol.holdout if protocol else check_holdout(study.holdout or 0.0),
        threshold_quantile=protocol.threshold_quantile if protocol else _quantile(study),
        contaminate=_shares(protocol) if protocol else given.contaminate or (),
        routing=protocol.routing if protocol else study.routing or "oracle",
        unseen=protocol.unseen if protocol else study.unseen or "next",
        methods=_methods(study, protocol),
        tune=given.tune or {},
        tune_on=study.tune_on,
        seeds=given.seeds or (defaults and defaults.seeds) or DEFAULT_SEEDS,
        match_memory=study.match_memory,
        backbone=study.backbone or (defaults.backbone if defaults else None),
        weights=None if study.weights is None else Path(study.weights).expanduser(),
        random_weights=study.random_weights,
        layers=given.layers,
        embedding=study.embedding or (defaults.embedding if defaults else None),
        preprocessing=protocol.preprocessing if protocol else _preprocessing(study),
        maps=protocol.maps if protocol else _maps(study.map_sigma),
    )
    _check(settings)
    return settings


def parse_study_defaults(
    protocol: Protocol, methods: Sequence[str] | None = None
) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Parse the parameters that a protocol's `study` sets, and check its methods.

    Args:
        protocol: the protocol.
        methods: the methods whose parameters are needed; None for all, and for a check that the
            methods of the study exist.

    Returns:
        Method -> parameter -> values to try.

    Raises:
        UsageError: a method or parameter does not exist.
    """
    try:
        for method in protocol.study.methods or () if methods is None else ():
            load_method(method)
        return _settings_in(protocol, methods)
    except UsageError as error:
        text = error.text if isinstance(error, StudyError) else str(error)
        raise UsageError(f"{protocol.where}: study: {text}") from None


def _fixed_by(protocol: Protocol) -> dict[str, tuple[object, str]]:
    """Field -> the protocol's value, and how messages write it (empty: the value itself)."""
    size = protocol.preprocessing
    found: dict[str, tuple[object, str]] = {
        "dataset": (protocol.dataset, ""),
        "schedule": (protocol.schedule, ""),
        "routing": (protocol.routing, ""),
        "unseen": (protocol.unseen, ""),
        "image_size": (size, f"a resize to {size.resize} and a crop of {size.crop} pixels"),
        "resize": (size.mode, ""),
        "map_sigma": (protocol.maps.sigma, f"{protocol.maps.sigma:g}"),
        "drift": (protocol.drift, ",".join(protocol.drift) or "no drift"),
        "blend": (protocol.blend, f"{protocol.blend:g}"),
        "holdout": (protocol.holdout, f"{protocol.holdout:g}"),
        "threshold_quantile": (protocol.threshold_quantile, f"{protocol.threshold_quantile:g}"),
        "contaminate": (_shares(protocol), ", ".join(map(str, _shares(protocol))) or "none"),
    }
    if protocol.categories is not None:
        found["categories"] = (frozenset(protocol.categories), ", ".join(protocol.categories))
    return found


def _shares(protocol: Protocol) -> tuple[float, ...]:
    return () if protocol.contaminate is None else (protocol.contaminate,)


def _comparable(field: str, given: Any, protocol: Protocol | None) -> object:
    if field == "dataset":
        return ",".join(sorted({name.strip() for name in given.split(",")}))
    if field == "image_size" and protocol is not None:
        return Preprocessing.for_image_size(given, protocol.preprocessing.mode)
    return frozenset(given) if field == "categories" else given


def _methods(
    study: StudyFields, protocol: Protocol | None
) -> Mapping[str, Mapping[str, tuple[Any, ...]]]:
    """The study's methods, or the protocol's, with the parameters that only the protocol sets."""
    given: Any = study.methods
    if protocol is None:
        return given or DEFAULT_METHODS
    by_protocol = parse_study_defaults(protocol, None if given is None else tuple(given))
    given = given or {method: {} for method in protocol.study.methods or DEFAULT_METHODS}
    return {method: {**by_protocol.get(method, {}), **params} for method, params in given.items()}


def _settings_in(
    protocol: Protocol, methods: Sequence[str] | None
) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Parse the protocol's `study.set`, for some methods or (None) for all."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for text in protocol.study.set:
        target, equals, written = text.partition("=")
        method, dot, parameter = target.strip().rpartition(".")
        if not (equals and dot and parameter and written.strip()):
            raise StudyError(
                "set", f"expected METHOD.PARAM=VALUES, such as mecad.threshold=0.8, got {text!r}"
            )
        if methods is not None and method not in methods:
            continue
        params = found.setdefault(method, {})
        if parameter in params:
            raise StudyError("set", f"{method}.{parameter} is set twice")
        params[parameter] = values.param_values(method, parameter, written)
    return found


def _preprocessing(study: StudyFields) -> Preprocessing:
    size = IMAGE_SIZE if study.image_size is None else study.image_size
    if type(size) is not int or size not in _IMAGE_SIZES:
        raise StudyError(
            "image_size",
            f"expected {_IMAGE_SIZES[0]} to {_IMAGE_SIZES[-1]} pixels, got {study.image_size!r}",
        )
    mode = study.resize or "crop"
    if mode not in MODES:
        raise StudyError("resize", f"expected one of {', '.join(MODES)}, got {mode!r}")
    return Preprocessing.for_image_size(size, mode)


def _quantile(study: StudyFields) -> float:
    quantile = study.threshold_quantile
    if quantile is None:
        return THRESHOLD_QUANTILE
    if not study.holdout:
        raise StudyError(
            "threshold_quantile", "needs held-out images: set holdout too, such as 0.1"
        )
    return check_quantile(quantile, study.holdout)


def _maps(sigma: float | None) -> MapSpec:
    if sigma is None:
        return MapSpec(sigma=SIGMA)
    if type(sigma) not in (int, float) or not 0 <= sigma <= _MAX_SIGMA:
        raise StudyError("map_sigma", f"expected 0 to {_MAX_SIGMA:g} pixels, got {sigma!r}")
    return MapSpec(sigma=float(sigma))


def _data_root(given: Any) -> Path | DataRoots | None:
    if given is None or isinstance(given, Path | DataRoots):
        return given
    if isinstance(given, Mapping):
        return DataRoots.parse([f"{name}={folder}" for name, folder in given.items()])
    if isinstance(given, str):
        return Path(given).expanduser()
    raise StudyError("data_root", f"expected a folder or name -> folder, got {given!r}")


def _check_tune(settings: Settings) -> None:
    if settings.tune_on is not None:
        if not settings.tune:
            raise StudyError("tune_on", "there is nothing to tune: set tune too")
        find_protocol(settings.tune_on)
    for method, params in settings.tune.items():
        if method not in settings.methods:
            raise StudyError(
                "tune",
                f"{method} is not among the methods of this study "
                f"({', '.join(settings.methods)}); add it",
            )
        if given := sorted(params.keys() & settings.methods[method].keys()):
            raise StudyError("tune", f"{method}.{given[0]} is also set; leave out one of both")
    for name in ("contaminate", "drift", "match_memory") if settings.tune else ():
        if getattr(settings, name):
            option = name.replace("_", "-")
            raise StudyError(
                "tune", f"cannot be combined with {option}: tune first, then run the chosen value"
            )


def _check(settings: Settings) -> None:
    _check_tune(settings)
    for field, allowed in (("routing", get_args(Routing)), ("unseen", get_args(Unseen))):
        value = getattr(settings, field)
        if value not in allowed:
            raise StudyError(field, f"expected one of {', '.join(allowed)}, got {value!r}")
    for name in settings.methods:
        method = load_method(name)
        check_routing(name, method, settings.routing)
        check_recurring(
            name,
            method,
            settings.routing,
            drift=bool(settings.drift),
            blend=bool(settings.blend),
        )
    if settings.match_memory is not None and settings.match_memory not in settings.methods:
        load_method(settings.match_memory)
        raise StudyError(
            "match_memory",
            f"{settings.match_memory} is not among the methods of this study "
            f"({', '.join(settings.methods)}); add it",
        )
    if settings.weights is not None and not settings.weights.is_file():
        raise StudyError("weights", f"no such file: {settings.weights}")
    if settings.embedding is not None:
        from ..features.backbones import embedding_params

        embedding_params(settings.embedding)
