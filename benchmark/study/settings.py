"""Merge a study with its protocol into settings, and check everything that needs no images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...results.errors import UsageError
from ..data.images.preprocessing import MODES, Preprocessing
from ..data.opening.locations import DataRoots
from ..pixels.maps import SIGMA, MapSpec
from ..plugins.methods import load_method
from ..plugins.requirements import check_stream
from ..protocols.builtin import find_protocol
from ..protocols.protocol import Protocol
from ..streams.settings import SETTINGS, SettingError, StreamSettings, require_holdout
from . import values
from .fields import StudyFields

DEFAULT_METHODS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {"mecad": {}}
DEFAULT_SEEDS = (0,)
DEFAULT_ORDERS = ("alphabetical",)
IMAGE_SIZE = 224
_IMAGE_SIZES = range(32, 2049)
_MAX_SIGMA = 1000.0


@dataclass(frozen=True)
class Settings:
    """The settings of a study before any image is read: its values, the protocol's, or defaults.

    `Study` documents the others.

    Attributes:
        protocol: the protocol; None if the settings generate its id.
        streams: settings of the stream, once per share of `contaminate`.
        orders: orders of the categories, not yet resolved.
        backbone: name of the backbone; None for the dataset's default.
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
    streams: tuple[StreamSettings, ...]
    orders: tuple[str, ...]
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
            raise SettingError(
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
        streams=_streams(study, protocol),
        orders=given.orders or (protocol.orders if protocol else DEFAULT_ORDERS),
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
        text = error.text if isinstance(error, SettingError) else str(error)
        raise UsageError(f"{protocol.where}: study: {text}") from None


def _fixed_by(protocol: Protocol) -> dict[str, tuple[object, str]]:
    """Field -> the protocol's value, and how messages write it (empty: the value itself)."""
    size = protocol.preprocessing
    found: dict[str, tuple[object, str]] = {
        "dataset": (protocol.dataset, ""),
        **{name: _fixed_setting(getattr(protocol, name)) for name in SETTINGS},
        "image_size": (size, f"a resize to {size.resize} and a crop of {size.crop} pixels"),
        "resize": (size.mode, ""),
        "map_sigma": (protocol.maps.sigma, f"{protocol.maps.sigma:g}"),
        "contaminate": (_shares(protocol), ", ".join(map(str, _shares(protocol))) or "none"),
    }
    if protocol.categories is not None:
        found["categories"] = (frozenset(protocol.categories), ", ".join(protocol.categories))
    return found


def _fixed_setting(value: Any) -> tuple[object, str]:
    """A value of the protocol, and how messages write it."""
    if isinstance(value, float):
        return value, f"{value:g}"
    return value, ",".join(value) or "no drift" if isinstance(value, tuple) else ""


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
            raise SettingError(
                "set", f"expected METHOD.PARAM=VALUES, such as mecad.threshold=0.8, got {text!r}"
            )
        if methods is not None and method not in methods:
            continue
        params = found.setdefault(method, {})
        if parameter in params:
            raise SettingError("set", f"{method}.{parameter} is set twice")
        params[parameter] = values.param_values("methods", method, parameter, written)
    return found


def _preprocessing(study: StudyFields) -> Preprocessing:
    size = IMAGE_SIZE if study.image_size is None else study.image_size
    if type(size) is not int or size not in _IMAGE_SIZES:
        raise SettingError(
            "image_size",
            f"expected {_IMAGE_SIZES[0]} to {_IMAGE_SIZES[-1]} pixels, got {study.image_size!r}",
        )
    mode = study.resize or "crop"
    if mode not in MODES:
        raise SettingError("resize", f"expected one of {', '.join(MODES)}, got {mode!r}")
    return Preprocessing.for_image_size(size, mode)


def _streams(study: StudyFields, protocol: Protocol | None) -> tuple[StreamSettings, ...]:
    if protocol is not None:
        return (StreamSettings(**protocol.stream_settings()),)
    given = {n: value for n in SETTINGS if (value := getattr(study, n)) is not None}
    shares: Any = given.pop("contaminate", (None,))
    if "threshold_quantile" in given:
        require_holdout(study.holdout)
    return tuple(StreamSettings(**given, contaminate=share) for share in shares)


def _maps(sigma: float | None) -> MapSpec:
    if sigma is None:
        return MapSpec(sigma=SIGMA)
    if type(sigma) not in (int, float) or not 0 <= sigma <= _MAX_SIGMA:
        raise SettingError("map_sigma", f"expected 0 to {_MAX_SIGMA:g} pixels, got {sigma!r}")
    return MapSpec(sigma=float(sigma))


def _data_root(given: Any) -> Path | DataRoots | None:
    if given is None or isinstance(given, Path | DataRoots):
        return given
    if isinstance(given, Mapping):
        return DataRoots.parse([f"{name}={folder}" for name, folder in given.items()])
    if isinstance(given, str):
        return Path(given).expanduser()
    raise SettingError("data_root", f"expected a folder or name -> folder, got {given!r}")


def _check_tune(settings: Settings) -> None:
    if settings.tune_on is not None:
        if not settings.tune:
            raise SettingError("tune_on", "there is nothing to tune: set tune too")
        find_protocol(settings.tune_on)
    for method, params in settings.tune.items():
        if method not in settings.methods:
            raise SettingError(
                "tune",
                f"{method} is not among the methods of this study "
                f"({', '.join(settings.methods)}); add it",
            )
        if given := sorted(params.keys() & settings.methods[method].keys()):
            raise SettingError("tune", f"{method}.{given[0]} is also set; leave out one of both")
    stream = settings.streams[0]
    for name, value in (
        ("contaminate", stream.contaminate is not None),
        ("drift", stream.drift),
        ("match-memory", settings.match_memory),
    ):
        if settings.tune and value:
            raise SettingError(
                "tune", f"cannot be combined with {name}: tune first, then run the chosen value"
            )


def _check(settings: Settings) -> None:
    _check_tune(settings)
    for name in settings.methods:
        check_stream(name, load_method(name), settings.streams[0])
    if settings.match_memory is not None and settings.match_memory not in settings.methods:
        load_method(settings.match_memory)
        raise SettingError(
            "match_memory",
            f"{settings.match_memory} is not among the methods of this study "
            f"({', '.join(settings.methods)}); add it",
        )
    if settings.weights is not None and not settings.weights.is_file():
        raise SettingError("weights", f"no such file: {settings.weights}")
    if settings.embedding is not None:
        from ..features.backbones import embedding_params

        embedding_params(settings.embedding)
