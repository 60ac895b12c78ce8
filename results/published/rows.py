"""Published numbers, each with its source and the definition that it was printed under.

One TOML file a source in results/published; rows whose definitions differ never share a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, get_args

from ..errors import CadbenchError
from .toml_file import Schema, check_keys, parse_toml

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
Dataset = Literal["mvtec"]
Routing = Literal["oracle", "inferred", "not stated"]

NOT_CONTINUAL = "not continual"
"""The acc_definition of a row without a stream: one model a category, or all at once."""


@dataclass(frozen=True)
class PublishedRow:
    """One printed number.

    acc_definition says which mean it is (`acc`, `acc_incremental`, `not continual`), or for
    `forgetting` forgetting_definition what was computed. protocol is in the source's words;
    dataset, schedule and routing are in ours, the last two empty where the row is not continual.
    checked: `source` = read in the source itself, `secondary` = seen in somebody else's notes.
    leakage: an epoch or a threshold was chosen on test data. value is None only where `by_expert`
    holds all there is.
    """

    method: str
    protocol: str
    dataset: Dataset
    metric: Metric
    checked: Checked
    schedule: str = ""
    routing: Routing | Literal[""] = ""
    experts: int | None = None
    value: float | None = None
    acc_definition: str = ""
    forgetting_definition: str = ""
    leakage: bool = False
    by_category: Mapping[str, float] = field(default_factory=dict)
    by_expert: Mapping[str, float] = field(default_factory=dict)
    assignment: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    source_notes: tuple[str, ...] = ()


def load_published() -> list[PublishedRow]:
    """Every row of the shipped files, by file name."""
    folder = resources.files(__package__)
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    return [row for file in files for row in parse_published(file.read_text("utf-8"), file.name)]


def parse_published(text: str, name: str) -> Iterator[PublishedRow]:
    """The rows of one file; `name` is for messages. Unknown and missing keys are refused."""
    content = parse_toml(text, name)
    check_keys(content, _FILE, name)
    for number, raw in enumerate(content["row"], 1):
        where = f"{name}, row {number}"
        check_keys(raw, _ROW, where)
        _check_meaning(raw, where)
        yield PublishedRow(
            **{**raw, "assignment": {e: tuple(c) for e, c in raw.get("assignment", {}).items()}},
            source=content["source"],
            source_notes=tuple(content.get("notes", ())),
        )


_FILE: Schema = {
    "source": (str, True),
    "title": (str, False),
    "notes": (list, False),
    "row": (list, True),
}
_ROW: Schema = {
    "method": (str, True),
    "protocol": (str, True),
    "dataset": (str, True),
    "schedule": (str, False),
    "routing": (str, False),
    "experts": (int, False),
    "metric": (str, True),
    "checked": (str, True),
    "value": (float, False),
    "acc_definition": (str, False),
    "forgetting_definition": (str, False),
    "leakage": (bool, False),
    "by_category": (dict, False),
    "by_expert": (dict, False),
    "assignment": (dict, False),
    "note": (str, False),
}


_CHOICES = {"dataset": Dataset, "routing": Routing, "metric": Metric, "checked": Checked}
_SCHEDULE = re.compile(r"[1-9]\d*(x[1-9]\d*)?(-[1-9]\d*(x[1-9]\d*)?)*")


def _check_meaning(row: Mapping[str, Any], where: str) -> None:
    for key, choices in _CHOICES.items():
        if key in row and row[key] not in get_args(choices):
            raise CadbenchError(f"{where}: {key} must be one of {', '.join(get_args(choices))}")
    continual = row.get("acc_definition") != NOT_CONTINUAL
    for key in ("schedule", "routing"):
        if continual != (key in row):
            raise CadbenchError(
                f"{where}: {key} belongs to every row but the `{NOT_CONTINUAL}` ones"
            )
    if continual and not _SCHEDULE.fullmatch(row["schedule"]):
        raise CadbenchError(
            f"{where}: schedule {row['schedule']!r} must be written out, such as 1x15 or 10-1x5"
        )
    if "value" not in row and "by_expert" not in row:
        raise CadbenchError(f"{where}: value is missing")
    values = [row.get("value", 0.0), *row.get("by_category", {}).values()]
    values += row.get("by_expert", {}).values()
    if not all(isinstance(value, float) and -1 <= value <= 1 for value in values):
        raise CadbenchError(f"{where}: values are shares from -1 to 1, written with a point")
    if row["metric"] == "utilization":
        return
    wanted = "forgetting_definition" if row["metric"] == "forgetting" else "acc_definition"
    if not row.get(wanted):
        raise CadbenchError(f"{where}: {wanted} is missing; say `not given` where the source does")
