"""Reads a protocol file: types, ranges, and whether its parts fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.validation import convert, mismatch, shorten
from ..data.images.preprocessing import Preprocessing
from ..data.opening.registry import dataset_names, published_categories
from ..pixels.maps import MapSpec
from ..streams.schedule import canonical, count_categories, experience_sizes
from .ids import check_id
from .protocol import Protocol, StudyDefaults

_CROPS = range(32, 2049)
"""Pixels of a crop, as for `--image-size`; a resize may be twice as large."""
_MAX_CATEGORIES = 10_000
_MAX_SCHEDULE_LENGTH = 200
_ORDER = re.compile(r"alphabetical|random:(0|[1-9]\d{0,17})")
_ORDER_NAME = re.compile(r"(?!(alphabetical|random|file)$)[a-z][a-z0-9_-]*")


def read_protocol(values: Mapping[str, Any], where: str) -> Protocol:
    """Convert the values of a TOML file into a protocol.

    Args:
        values: the parsed file.
        where: the file, for messages.

    Raises:
        UsageError: a key or value is wrong, or does not fit another one.
    """
    protocol = convert(values, Protocol, where, where=where)
    # A protocol states every number, so that it does not change with a default. `mode` is newer
    # than some protocol files, which mean `crop`.
    for key, kind in (("preprocessing", Preprocessing), ("maps", MapSpec)):
        for field in fields(kind):
            if field.name not in values[key] and field.name != "mode":
                raise UsageError(f"{where}: {key}: {field.name} is missing")
    _check_preprocessing(protocol.preprocessing, f"{where}: preprocessing")
    _check_line(protocol.title, f"{where}: title")
    _check_line(protocol.source, f"{where}: source")
    _check_lines(protocol.notes, f"{where}: notes", empty=True)
    dataset = _read_dataset(protocol.dataset, f"{where}: dataset")
    categories = _read_categories(protocol.categories, dataset, where)
    for name, order in protocol.named_orders.items():
        _check_named_order(name, order, categories, f"{where}: named_orders")
    _check_orders(protocol.orders, protocol.named_orders, f"{where}: orders")
    rounds = 1 + len(protocol.drift)
    _check_schedule(protocol.schedule, categories, f"{where}: schedule", rounds=rounds)
    study = _read_study(protocol.study, f"{where}: study")
    protocol = replace(protocol, dataset=dataset, categories=categories, study=study)
    with _prefixed(f"{where}: id"):
        check_id(protocol.id, protocol.settings)
    return protocol


def _read_dataset(text: str, where: str) -> str:
    """Return one dataset, or several sorted and joined by commas."""
    parts = sorted({part.strip() for part in text.split(",")})
    for part in parts:
        if part not in dataset_names():
            raise UsageError(mismatch(where, dataset_names(), part))
        if len(parts) > 1 and not published_categories(part):
            raise UsageError(
                f"{where}: {part!r} may hold any categories; it cannot be one of several datasets"
            )
    return ",".join(parts)


def _read_categories(
    listed: tuple[str, ...] | None, dataset: str, where: str
) -> tuple[str, ...] | None:
    """Return the categories, sorted; None for all categories of the data."""
    published = _published_categories(dataset.split(","))
    if listed is None:
        if published:
            raise UsageError(f"{where}: categories is missing; only a folder may leave it out")
        return None
    where = f"{where}: categories"
    _check_lines(listed, where)
    for name in listed:
        if "," in name:
            raise UsageError(f"{where}: {name!r} has a comma, which no category may have")
        if published and name not in published:
            raise UsageError(
                f"{where}: {dataset} has no category {name!r}{suggestion(name, published)}; there "
                f"are: {', '.join(published)}"
            )
    return tuple(sorted(listed))


def _published_categories(datasets: Sequence[str]) -> Sequence[str]:
    from ..data.opening.joining import qualified

    if len(datasets) == 1:
        return published_categories(datasets[0])
    return [
        qualified(name, category) for name in datasets for category in published_categories(name)
    ]


def _check_schedule(
    text: str, categories: Sequence[str] | None, where: str, *, rounds: int
) -> None:
    if len(text) > _MAX_SCHEDULE_LENGTH:
        raise UsageError(f"{where}: is longer than {_MAX_SCHEDULE_LENGTH} characters")
    if categories is None and ("*" in text or count_categories(text) > _MAX_CATEGORIES):
        expected = f"a schedule written out, for at most {_MAX_CATEGORIES} categories"
        raise UsageError(mismatch(where, expected, text))
    try:
        count = count_categories(text) if categories is None else len(categories) * rounds
        resolved = canonical(experience_sizes(text, count))
    except UsageError as error:
        raise UsageError(f"{where}: {str(error).removeprefix('--schedule ')}") from None
    if text != resolved:
        raise UsageError(mismatch(where, f"{resolved} (the schedule written out)", text))


def _check_orders(orders: Sequence[str], named: Mapping[str, object], where: str) -> None:
    _check_lines(orders, where)
    for text in orders:
        if text not in named and not _ORDER.fullmatch(text):
            close = suggestion(text, ["alphabetical", *named])
            expected = "alphabetical, random:SEED or a name in named_orders"
            raise UsageError(mismatch(where, expected, text) + close)


def _check_named_order(
    name: str, order: Sequence[str], categories: Sequence[str] | None, where: str
) -> None:
    if not _ORDER_NAME.fullmatch(name):
        raise UsageError(
            f"{where}: {name!r} cannot be the name of an order; use small letters, digits, - and "
            "_, and not alphabetical, random or file"
        )
    where = f"{where}.{name}"
    if categories is None:
        raise UsageError(f"{where}: a named order needs the key categories")
    _check_lines(order, where)
    differing = sorted(set(order) ^ set(categories))
    if differing:
        raise UsageError(
            f"{where}: must name each of the categories once; check {', '.join(differing)}"
        )


def _check_preprocessing(preprocessing: Preprocessing, where: str) -> None:
    limit = 2 * _CROPS[-1]
    if preprocessing.crop not in _CROPS:
        expected = f"{_CROPS[0]} to {_CROPS[-1]} pixels"
        raise UsageError(mismatch(f"{where}.crop", expected, preprocessing.crop))
    if preprocessing.resize > limit:
        expected = f"at most {limit} pixels"
        raise UsageError(mismatch(f"{where}.resize", expected, preprocessing.resize))


def _read_study(study: StudyDefaults, where: str) -> StudyDefaults:
    if study.embedding is not None:
        from ..features.backbones import embedding_params

        with _prefixed(f"{where}.embedding"):
            embedding_params(study.embedding)
    if study.backbone is not None:
        _check_line(study.backbone, f"{where}.backbone")
    if study.methods is not None:
        _check_lines(study.methods, f"{where}.methods")
    _check_lines(study.set, f"{where}.set", empty=True)
    if study.seeds is None:
        return study
    if not (study.seeds and all(0 <= seed < 2**63 for seed in study.seeds)):
        raise UsageError(mismatch(f"{where}.seeds", "whole numbers from 0", list(study.seeds)))
    return replace(study, seeds=tuple(dict.fromkeys(study.seeds)))


def _check_lines(texts: Sequence[str], where: str, *, empty: bool = False) -> None:
    """Check a list of lines without duplicates; `empty` allows an empty list."""
    if not texts and not empty:
        raise UsageError(f"{where}: the list is empty")
    for text in texts:
        if not text.strip():
            raise UsageError(mismatch(where, "a text that is not blank", text))
        _check_line(text, where)
        if texts.count(text) > 1:
            raise UsageError(f"{where}: {shorten(text)} is listed twice")


def _check_line(text: str, where: str) -> None:
    if not text.isprintable():
        raise UsageError(mismatch(where, "one line of printable characters", text))


@contextmanager
def _prefixed(where: str) -> Iterator[None]:
    """Put file and key before the message of a `UsageError`."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
