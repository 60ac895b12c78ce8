"""Published numbers, each with its source and definition.

results/published has one TOML file per source. Rows with different
definitions never share a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

from ..errors import CadbenchError
from ..validation import convert, mismatch, parse_toml

Metric = Literal[
    "image_auroc",
    "image_ap",
    "image_f1_max",
    "pixel_auroc",
    "pixel_ap",
    "pixel_f1_max",
    "aupro",
    "forgetting",
    "utilization",
]
Checked = Literal["source", "secondary"]
RunBy = Literal["authors", "others"]
Dataset = Literal["mvtec", "visa", "real_iad", "mpdd", "btad", "uni_medical", "continual_ad"]
Routing = Literal["oracle", "inferred", "not stated", ""]

NOT_CONTINUAL = "not continual"
"""The acc_definition of a row without a stream: one model per category, or all at once."""

_CATEGORIES = {"mvtec": 15, "visa": 12}
_ROUNDING = 0.0015
"""Allowed between a printed mean and the mean of printed categories: all have three digits."""


@dataclass(frozen=True)
class PublishedRow:
    """One published number. Its fields are the keys of a `[[row]]` in a file, except the source.

    Attributes:
        method: the method and its variant, in the words of the source.
        protocol: the protocol, in the words of the source.
        dataset: our name of the dataset.
        metric: the metric; its mean is defined by `acc_definition`.
        checked: `source` = read in the source itself; `secondary` = read in another publication.
        schedule: resolved schedule, `1x15`; empty if the row is not continual.
        routing: how test images find an expert; empty if the row is not continual.
        experts: number of experts.
        value: the number, a share from -1 to 1; None if only `by_expert` was printed.
        acc_definition: which mean it is: `acc`, `acc_incremental`, `not continual`, or words.
        forgetting_definition: for the metric `forgetting`, what the source computed.
        of: for the metric `forgetting`, the metric whose loss it is.
        backbone: timm's name of the backbone, or the words of the source; empty if not stated.
        run_by: `others` if the source ran, or quotes a run of, a method that is not its own.
        ours: the built-in method that implements this one; empty if none does.
        leakage: an epoch or a threshold was chosen on test data.
        unreliable: the source contradicts itself or another one about this number.
        why: why the number leaks or is unreliable.
        by_category: value per category.
        by_expert: value per expert.
        assignment: the categories of each expert.
        note: footnote of the number.
        source: where it was published.
        source_notes: footnotes of all numbers of the source.
    """

    method: str
    protocol: str
    dataset: Dataset
    metric: Metric
    checked: Checked
    schedule: str = ""
    routing: Routing = ""
    experts: int | None = None
    value: float | None = None
    acc_definition: str = ""
    forgetting_definition: str = ""
    of: Metric = "image_auroc"
    backbone: str = ""
    run_by: RunBy = "authors"
    ours: str = ""
    leakage: bool = False
    unreliable: bool = False
    why: str = ""
    by_category: Mapping[str, float] = field(default_factory=dict)
    by_expert: Mapping[str, float] = field(default_factory=dict)
    assignment: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    source_notes: tuple[str, ...] = ()


def categories_in(schedule: str) -> int:
    """Return the number of categories that a resolved schedule such as `10-1x5` introduces."""
    parts = (part.partition("x") for part in schedule.split("-"))
    return sum(int(size) * int(times or 1) for size, _, times in parts)


def covers_dataset(row: PublishedRow) -> bool:
    """Return whether the row's stream has all categories of its dataset.

    Sources do not state which categories a shorter stream has, so it is compared with none of ours.
    """
    return bool(row.schedule) and categories_in(row.schedule) == _CATEGORIES.get(row.dataset)


def load_published() -> list[PublishedRow]:
    """Return all rows of the built-in files, in the order of the file names."""
    folder = resources.files(__package__)
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    return [row for file in files for row in parse_published(file.read_text("utf-8"), file.name)]


def parse_published(text: str, name: str) -> Iterator[PublishedRow]:
    """Yield the rows of one file.

    Args:
        text: the content of the file.
        name: the name of the file, for messages.

    Raises:
        CadbenchError: an unknown or missing key, or a value that does not fit.
    """
    file = convert(parse_toml(text, name, CadbenchError), _File, name, CadbenchError)
    if not file.source.strip():
        raise CadbenchError(f"{name}: source is empty; name the publication or the repository")
    for index, values in enumerate(file.row):
        where = f"{name}: row[{index}]"
        row = convert(
            *({**file.shared, **values}, PublishedRow, where, CadbenchError),
            source=file.source,
            source_notes=file.notes,
        )
        _check_row(row, where)
        yield row


@dataclass(frozen=True)
class _File:
    """One file; `shared` holds keys that all rows have unless they set them."""

    source: str
    row: tuple[Mapping[str, Any], ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    shared: Mapping[str, Any] = field(default_factory=dict)


_SCHEDULE = re.compile(r"[1-9]\d*(x[1-9]\d*)?(-[1-9]\d*(x[1-9]\d*)?)*")


def _check_row(row: PublishedRow, where: str) -> None:
    continual = row.acc_definition != NOT_CONTINUAL
    for key, text in (("schedule", row.schedule), ("routing", row.routing)):
        if continual and not text:
            raise CadbenchError(f"{where}: {key} is missing")
        if text and not continual:
            raise CadbenchError(f"{where}: a row that is `{NOT_CONTINUAL}` has no {key}")
    if continual and not _SCHEDULE.fullmatch(row.schedule):
        expected = "a schedule written out, such as 1x15 or 10-1x5"
        raise CadbenchError(mismatch(f"{where}: schedule", expected, row.schedule))
    if row.value is None and not row.by_expert:
        raise CadbenchError(f"{where}: value is missing")
    for value in (row.value or 0.0, *row.by_category.values(), *row.by_expert.values()):
        if not -1 <= value <= 1:
            raise CadbenchError(mismatch(where, "shares from -1 to 1", value))
    definition = "forgetting_definition" if row.metric == "forgetting" else "acc_definition"
    if row.metric != "utilization" and not getattr(row, definition):
        raise CadbenchError(
            f"{where}: {definition} is missing; write `not given` if the source has none"
        )
    if (row.leakage or row.unreliable) != bool(row.why):
        raise CadbenchError(
            f"{where}: rows that are `leakage` or `unreliable` need a why, and only these have one"
        )
    _check_mean(row, where)


def _check_mean(row: PublishedRow, where: str) -> None:
    """Refuse a mean that contradicts its categories, unless the row is marked as unreliable."""
    if row.value is None or len(row.by_category) != _CATEGORIES.get(row.dataset):
        return
    mean = sum(row.by_category.values()) / len(row.by_category)
    if abs(mean - row.value) > _ROUNDING and not row.unreliable:
        raise CadbenchError(
            f"{where}: the mean of by_category is {mean:.4f}, and value is {row.value:g}; set "
            "unreliable and say why"
        )
