"""A board as data, one JSON file per protocol, images and routing: its schema, reading, merging."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..analysis.rows import plain
from ..errors import UsageError
from ..records.schema import canonical_json
from ..rendering.method_marks import printed_name
from ..validation import convert, parse_json


@dataclass(frozen=True)
class Estimate:
    """A mean over runs, the deviation over the n distinct ones, and a 95 % interval."""

    mean: float
    n: int
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class BoardRow:
    """A configuration.

    Attributes:
        id: digest of the configuration without the version of the method.
        params: the parameters that differ from the method's defaults.
        records: the keys of the runs.
        values: by name of `analysis.quantities`; undefined ones are left out.
        categories: the final AUROC of each category.
        versions: of cadbench and torch.
        reference: whether it is a joint reference, which is not ranked.
        command: computes the runs.
    """

    id: str
    method: str
    version: str
    params: dict[str, Any]
    backbone: str
    seeds: list[int]
    orders: list[str]
    records: list[str]
    values: dict[str, Estimate]
    categories: dict[str, float]
    versions: dict[str, str]
    reference: bool
    command: str

    def mean(self, name: str) -> float:
        """The mean of a quantity; NaN if it is not defined."""
        return self.values[name].mean if name in self.values else math.nan


@dataclass(frozen=True)
class Difference:
    """The final AUROC of row `one` minus that of `other` on common runs, as `compare` has it."""

    one: str
    other: str
    difference: float
    low: float
    high: float
    runs: int

    @property
    def excludes_zero(self) -> bool:
        return not self.low <= 0 <= self.high

    def __str__(self) -> str:
        """`+0.034 [+0.016, +0.053]`, with as many digits as no bound needs to round to 0."""
        bounds = [bound for bound in (self.low, self.high) if bound]
        digits = next((n for n in (3, 4, 5) if all(round(bound, n) for bound in bounds)), 6)
        shown = (f"{value + 0.0:+.{digits}f}" for value in (self.difference, self.low, self.high))
        return "{} [{}, {}]".format(*shown)


@dataclass(frozen=True)
class BoardFile:
    """Rows that may be ranked together, best first; `settings` are those behind the protocol id."""

    schema: Literal[1]
    protocol: str
    dataset: str
    manifest: str
    settings: dict[str, Any]
    rows: list[BoardRow]
    differences: list[Difference]

    @property
    def name(self) -> str:
        """The name of the file: the protocol, and a digest of it, the images and the settings."""
        identity = canonical_json([self.protocol, self.manifest, self.settings])
        protocol = re.sub(r"[^a-z0-9@._+-]", "_", self.protocol)[:80]
        return f"{protocol}-{hashlib.sha256(identity).hexdigest()[:8]}.json"

    @property
    def ranked(self) -> list[BoardRow]:
        return [row for row in self.rows if "acc" in row.values and not row.reference]

    @property
    def best(self) -> BoardRow | None:
        """The best row with several runs, to which others are compared; else the best row."""
        ranked = self.ranked
        return next((row for row in ranked if len(row.records) > 1), next(iter(ranked), None))

    def difference(self, one: str, other: str) -> Difference | None:
        """The difference of two rows by their ids; None if they were not compared."""
        return next((d for d in self.differences if (d.one, d.other) == (one, other)), None)

    def to_best(self, row: BoardRow) -> Difference | None:
        """The difference of a row to the best one."""
        return self.difference(row.id, self.best.id) if self.best else None

    def to_json(self) -> bytes:
        """The file's content, one row per line; the same board gives the same bytes."""

        def defined(fields: list[tuple[str, Any]]) -> dict[str, Any]:
            return {name: value for name, value in fields if value is not None}

        held = dataclasses.asdict(self, dict_factory=defined)
        entries = {name: held.pop(name) for name in ("rows", "differences")}
        parts = [json.dumps(held, indent=1, allow_nan=False).removesuffix("\n}")]
        for name, of_name in entries.items():
            lines = ",\n".join(f"  {json.dumps(each, allow_nan=False)}" for each in of_name)
            parts.append(f' "{name}": [\n{lines}\n ]')
        return ",\n".join(parts).encode() + b"\n}\n"


def read_boards(folder: Path) -> list[BoardFile]:
    """Read every board in a folder, which need not exist.

    Raises:
        UsageError: a file is damaged, or no board of this schema.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        content = read_bytes(file)
        values = parse_json(content, str(file), parse_float=_finite, parse_constant=_finite)
        board = convert(values, BoardFile, str(file))
        if len({row.id for row in board.rows}) < len(board.rows):
            raise UsageError(f"{file}: two rows have one id; delete one of them")
        if file.name != board.name:
            raise UsageError(f"{file} holds the board {board.name}: rename or delete it")
        found.append(board)
    return found


def read_bytes(file: Path) -> bytes:
    """The content of a file; `UsageError` if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def merge(old: BoardFile, new: BoardFile) -> BoardFile:
    """Replace the rows of `old` that `new` has, and keep the others.

    Differences remain where neither row got other runs.
    """
    rows = {row.id: row for row in (*old.rows, *new.rows)}
    same = {row.id for row in old.rows if rows[row.id].records == row.records}
    kept = [each for each in old.differences if {each.one, each.other} <= same]
    return dataclasses.replace(new, rows=sorted_rows(rows.values()), differences=kept)


def sorted_rows(rows: Iterable[BoardRow]) -> list[BoardRow]:
    """Best AUROC first, undefined ones last; ties by method and id."""
    ordered = sorted(rows, key=lambda row: (row.method, row.id))
    return sorted(ordered, key=lambda row: -row.values["acc"].mean if "acc" in row.values else 1)


def usual_backbone(rows: Iterable[BoardRow]) -> str:
    """The backbone of most rows; the first by name of several."""
    backbones = sorted(row.backbone for row in rows)
    return max(backbones, key=backbones.count, default="")


def row_names(rows: Iterable[BoardRow]) -> dict[str, tuple[str, str]]:
    """Id -> method, and its parameters with the backbone if it is not that of most rows.

    Rows that would have one name (their features differ otherwise) have their id as well.
    """
    rows = list(rows)
    usual = usual_backbone(rows)
    names: dict[str, tuple[str, str]] = {}
    for row in rows:
        parts = [f"{name}={plain(value)}" for name, value in row.params.items()]
        if row.backbone != usual:
            name = row.backbone.partition(" ")[0]  # without the embedding, if that is enough
            parts.append(row.backbone if name == usual.partition(" ")[0] else name)
        names[row.id] = row.method, ",".join(parts)
    found = list(names.values())
    for row_id, (method, words) in names.items():
        if found.count((method, words)) > 1:
            names[row_id] = method, ",".join(filter(None, (words, row_id)))
    return names


def printed_names(rows: Iterable[BoardRow]) -> dict[str, str]:
    """Id -> the row as a page prints it: `MECAD (experts=3)`."""
    return {
        row: printed_name(method) + (f" ({words.replace(',', ', ')})" if words else "")
        for row, (method, words) in row_names(rows).items()
    }


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is no number of JSON")
    return value
