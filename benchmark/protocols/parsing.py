"""Checking a protocol file: unknown keys, types and ranges, and that its parts fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..data.drift.domains import parse_domains
from ..data.images.preprocessing import Preprocessing
from ..data.opening.registry import dataset_names, published_categories
from ..interface.context import Routing
from ..pixels.maps import MapSpec
from ..streams.blending import check_blend
from ..streams.schedule import canonical, count_categories, experience_sizes
from ..streams.stream import Unseen
from .ids import check_id
from .protocol import Protocol, StudyDefaults

T = TypeVar("T")

_SIZES = range(32, 2049)
"""Pixels of a crop, as `--image-size` takes them; a resize may be twice as large."""
_MOST_CATEGORIES = 10_000
_LONGEST_SCHEDULE = 200
_ORDER = re.compile(r"alphabetical|random:(0|[1-9]\d{0,17})")
_ORDER_NAME = re.compile(r"(?!(alphabetical|random|file)$)[a-z][a-z0-9_-]*")

_Schema = Mapping[str, tuple[type, bool]]
"""Key -> (type, whether it must be there)."""

_PROTOCOL: _Schema = {
    "id": (str, True),
    "title": (str, False),
    "source": (str, False),
    "notes": (list, False),
    "dataset": (str, True),
    "categories": (list, False),
    "schedule": (str, True),
    "orders": (list, True),
    "named_orders": (dict, False),
    "routing": (str, True),
    "unseen": (str, True),
    "preprocessing": (dict, True),
    "maps": (dict, True),
    "study": (dict, False),
    "drift": (list, False),
    "blend": (float, False),
}
_PREPROCESSING: _Schema = {"resize": (int, True), "crop": (int, True)}
_MAPS: _Schema = {"upsampling": (str, True), "sigma": (float, True)}
_STUDY: _Schema = {
    "backbone": (str, False),
    "embedding": (str, False),
    "seeds": (list, False),
    "methods": (list, False),
    "set": (list, False),
}
_KINDS = {str: "a text", list: "a list", dict: "a table", int: "a whole number", float: "a number"}


def read_protocol(values: Mapping[str, Any], where: str) -> Protocol:
    """The protocol that these values of a TOML file make; `where` is for messages."""
    _check_keys(values, _PROTOCOL, where)
    for key, schema in (("preprocessing", _PREPROCESSING), ("maps", _MAPS), ("study", _STUDY)):
        if key in values:
            _check_keys(values[key], schema, f"{where}: {key}")
    dataset = _dataset(values["dataset"], f"{where}: dataset")
    categories = _categories(values, dataset, where)
    named = {
        name: _named_order(name, listed, categories, f"{where}: named_orders")
        for name, listed in values.get("named_orders", {}).items()
    }
    drift = _drift(values.get("drift", []), f"{where}: drift")
    protocol = Protocol(
        where=where,
        id=values["id"],
        title=_line(values.get("title", ""), f"{where}: title"),
        source=_line(values.get("source", ""), f"{where}: source"),
        notes=_lines(values.get("notes", []), f"{where}: notes", empty=True),
        dataset=dataset,
        categories=categories,
        schedule=_schedule(
            values["schedule"], categories, f"{where}: schedule", rounds=1 + len(drift)
        ),
        drift=drift,
        blend=check_blend(values.get("blend", 0.0), f"{where}: blend"),
        orders=_orders(values["orders"], named, f"{where}: orders"),
        named_orders=named,
        routing=_one_of(values["routing"], get_args(Routing), f"{where}: routing"),
        unseen=_one_of(values["unseen"], get_args(Unseen), f"{where}: unseen"),
        preprocessing=_preprocessing(values["preprocessing"], f"{where}: preprocessing"),
        maps=_named(f"{where}: maps", lambda: MapSpec(**values["maps"])),
        study=_study(values.get("study", {}), f"{where}: study"),
    )
    _named(f"{where}: id", lambda: check_id(protocol.id, protocol.identity))
    return protocol


def _check_keys(given: Mapping[str, Any], schema: _Schema, where: str) -> None:
    for key in given:
        if key not in schema:
            raise UsageError(
                f"{where}: unknown key {_short(key)}{suggestion(key, schema)}; known are "
                f"{', '.join(schema)}"
            )
    for key, (kind, required) in schema.items():
        if required and key not in given:
            raise UsageError(f"{where}: {key} is missing")
        allowed = (int, float) if kind is float else (kind,)
        if key in given and type(given[key]) not in allowed:
            raise UsageError(f"{where}: {key} must be {_KINDS[kind]}, not {_short(given[key])}")


def _dataset(text: str, where: str) -> str:
    """One dataset, or several in the order of their names with commas between them."""
    parts = sorted({part.strip() for part in text.split(",")})
    for part in parts:
        _one_of(part, dataset_names(), where)
        if len(parts) > 1 and not published_categories(part):
            raise UsageError(
                f"{where}: {part!r} may hold any categories; it cannot be one of several"
            )
    return ",".join(parts)


def _categories(values: Mapping[str, Any], dataset: str, where: str) -> tuple[str, ...] | None:
    known = _known_categories(dataset.split(","))
    if "categories" not in values:
        if known:
            raise UsageError(f"{where}: categories is missing; only a folder may leave it out")
        return None
    where = f"{where}: categories"
    listed = _lines(values["categories"], where)
    for name in listed:
        if "," in name:
            raise UsageError(f"{where}: {name!r} has a comma, which no category may have")
        if known and name not in known:
            raise UsageError(
                f"{where}: {dataset} has no category {name!r}{suggestion(name, known)}; there are: "
                f"{', '.join(known)}"
            )
    return tuple(sorted(listed))


def _known_categories(datasets: Sequence[str]) -> Sequence[str]:
    from ..data.opening.joining import qualified

    if len(datasets) == 1:
        return published_categories(datasets[0])
    return [
        qualified(name, category) for name in datasets for category in published_categories(name)
    ]


def _drift(listed: list[Any], where: str) -> tuple[str, ...]:
    domains = parse_domains(_lines(listed, where, empty=True), where)
    return tuple(domain.name for domain in domains)


def _schedule(text: str, categories: Sequence[str] | None, where: str, *, rounds: int) -> str:
    if len(text) > _LONGEST_SCHEDULE:
        raise UsageError(f"{where} is too long: {_short(text)}")
    if categories is None and ("*" in text or count_categories(text) > _MOST_CATEGORIES):
        raise UsageError(
            f"{where}: write it out for at most {_MOST_CATEGORIES} categories, not {text!r}"
        )
    try:
        count = count_categories(text) if categories is None else len(categories) * rounds
        resolved = canonical(experience_sizes(text, count))
    except UsageError as error:
        raise UsageError(f"{where}: {str(error).removeprefix('--schedule ')}") from None
    if text != resolved:
        raise UsageError(f"{where}: write it out, {resolved} instead of {text!r}")
    return text


def _orders(listed: list[Any], named: Mapping[str, object], where: str) -> tuple[str, ...]:
    orders = _lines(listed, where)
    for text in orders:
        if text not in named and not _ORDER.fullmatch(text):
            raise UsageError(
                f"{where}: {text!r} is neither alphabetical, random:SEED nor a name in "
                f"named_orders{suggestion(text, ['alphabetical', *named])}"
            )
    return orders


def _named_order(
    name: str, listed: Any, categories: Sequence[str] | None, where: str
) -> tuple[str, ...]:
    if not _ORDER_NAME.fullmatch(name):
        raise UsageError(
            f"{where}: {name!r} cannot be an order's name; write small letters, digits, - and _, "
            "and not alphabetical, random or file"
        )
    where = f"{where}.{name}"
    if categories is None:
        raise UsageError(f"{where}: list the categories too (key categories)")
    if type(listed) is not list:
        raise UsageError(f"{where} must be a list, not {_short(listed)}")
    order = _lines(listed, where)
    odd = sorted(set(order) ^ set(categories))
    if odd:
        raise UsageError(f"{where}: must name each of the categories once; check {', '.join(odd)}")
    return order


def _preprocessing(values: Mapping[str, int], where: str) -> Preprocessing:
    if values["crop"] not in _SIZES or values["resize"] > 2 * _SIZES[-1]:
        raise UsageError(
            f"{where}: crop is from {_SIZES[0]} to {_SIZES[-1]} pixels and resize at most "
            f"{2 * _SIZES[-1]}, not {_short(values['crop'])} and {_short(values['resize'])}"
        )
    return _named(where, lambda: Preprocessing(**values))


def _study(values: Mapping[str, Any], where: str) -> StudyDefaults:
    seeds = values.get("seeds")
    if seeds is not None and not (
        seeds and all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds)
    ):
        raise UsageError(f"{where}: seeds must be whole numbers from 0, not {_short(seeds)}")
    if "embedding" in values:
        from ..features.backbones import embedding_params

        _named(f"{where}: embedding", lambda: embedding_params(values["embedding"]))
    return StudyDefaults(
        backbone=_line(values["backbone"], f"{where}: backbone") if "backbone" in values else None,
        embedding=values.get("embedding"),
        seeds=None if seeds is None else tuple(dict.fromkeys(seeds)),
        methods=_lines(values["methods"], f"{where}: methods") if "methods" in values else None,
        settings=_lines(values.get("set", []), f"{where}: set", empty=True),
    )


def _lines(listed: list[Any], where: str, *, empty: bool = False) -> tuple[str, ...]:
    """Texts of a line each, none of them twice."""
    if not listed and not empty:
        raise UsageError(f"{where} must not be empty")
    for item in listed:
        if type(item) is not str or not item.strip():
            raise UsageError(f"{where} must hold texts, not {_short(item)}")
        _line(item, where)
        if listed.count(item) > 1:
            raise UsageError(f"{where} has {_short(item)} twice")
    return tuple(listed)


def _line(text: str, where: str) -> str:
    if not text.isprintable():
        raise UsageError(f"{where} must be one line of printable characters, not {_short(text)}")
    return text


def _one_of(value: str, known: Iterable[str], where: str) -> Any:
    known = tuple(known)
    if value not in known:
        raise UsageError(
            f"{where} is one of {', '.join(known)}, not {_short(value)}{suggestion(value, known)}"
        )
    return value


def _named(where: str, check: Callable[[], T]) -> T:
    """What `check` gives; its `UsageError` begins with file and key."""
    try:
        return check()
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
