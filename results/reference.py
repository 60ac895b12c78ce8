"""Published numbers, each with its source and the definition that it was printed under.

One TOML file a source in results/published; rows whose definitions differ never share a column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, get_args

from results.errors import CadbenchError

Metric = Literal[
    "image_auroc",
    "image_ap",
    "image_f1_max",
    "pixel_auroc",
    "pixel_ap",
    "pixel_f1_max",
    "aupro",
    "forgetting",
    "utilisation",
]
Checked = Literal["source", "secondary"]


@dataclass(frozen=True)
class PublishedRow:
    """One printed number.

    acc_definition says which mean it is (`acc`, `acc_incremental`, `not continual`), or for
    `forgetting` forgetting_definition what was computed. checked: `source` = read in the source
    itself, `secondary` = seen in somebody else's notes. leakage: an epoch or a threshold was
    chosen on test data. value is None only where `by_expert` holds all there is.
    """

    method: str
    protocol: str
    metric: Metric
    checked: Checked
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
    folder = resources.files("results.published")
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    return [row for file in files for row in parse_published(file.read_text("utf-8"), file.name)]


def parse_published(text: str, name: str) -> Iterator[PublishedRow]:
    """The rows of one file; `name` is for messages. Unknown and missing keys are refused."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CadbenchError(f"{name} is not TOML: {error}") from error
    _check_keys(content, _FILE, name)
    for number, raw in enumerate(content["row"], 1):
        where = f"{name}, row {number}"
        _check_keys(raw, _ROW, where)
        _check_meaning(raw, where)
        yield PublishedRow(
            **{**raw, "assignment": {e: tuple(c) for e, c in raw.get("assignment", {}).items()}},
            source=content["source"],
            source_notes=tuple(content.get("notes", ())),
        )


# Key -> (type, whether it must be there).
_FILE = {"source": (str, True), "title": (str, False), "notes": (list, False), "row": (list, True)}
_ROW = {
    "method": (str, True),
    "protocol": (str, True),
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


def _check_keys(
    given: Mapping[str, Any], schema: Mapping[str, tuple[type, bool]], where: str
) -> None:
    unknown = sorted(given.keys() - schema.keys())
    if unknown:
        raise CadbenchError(
            f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(schema)}"
        )
    for key, (kind, required) in schema.items():
        if required and key not in given:
            raise CadbenchError(f"{where}: {key} is missing")
        if key in given and not isinstance(given[key], kind):
            raise CadbenchError(f"{where}: {key} must be {kind.__name__}, not {given[key]!r}")


def _check_meaning(row: Mapping[str, Any], where: str) -> None:
    for key, choices in (("metric", get_args(Metric)), ("checked", get_args(Checked))):
        if row[key] not in choices:
            raise CadbenchError(f"{where}: {key} must be one of {', '.join(choices)}")
    if "value" not in row and "by_expert" not in row:
        raise CadbenchError(f"{where}: value is missing")
    values = [row.get("value", 0.0), *row.get("by_category", {}).values()]
    values += row.get("by_expert", {}).values()
    if not all(isinstance(value, float) and -1 <= value <= 1 for value in values):
        raise CadbenchError(f"{where}: values are shares from -1 to 1, written with a point")
    if row["metric"] == "utilisation":
        return
    wanted = "forgetting_definition" if row["metric"] == "forgetting" else "acc_definition"
    if not row.get(wanted):
        raise CadbenchError(f"{where}: {wanted} is missing; say `not given` where the source does")
