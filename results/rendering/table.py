"""One table, however it is written: headings, values with their precision, notes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, SupportsFloat, TypeAlias

from ..sanitizing import printable


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and sample deviation over n runs; NaN where there are too few.

    `low` and `high` are the ends of its 95 % interval: NaN where it has none, None where none was
    asked for.
    """

    mean: float
    deviation: float
    n: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Iterable[SupportsFloat]) -> Spread:
        """Over the values that are defined."""
        defined = [float(value) for value in values if not math.isnan(value)]
        mean = statistics.fmean(defined) if defined else math.nan
        deviation = statistics.stdev(defined) if len(defined) > 1 else math.nan
        return cls(mean, deviation, len(defined))


@dataclass(frozen=True, slots=True)
class Marked:
    """A number or word with a footnote: its mark, such as `[1]`, and what the footnote says."""

    value: str | float
    mark: str
    note: str


Value: TypeAlias = str | int | float | Spread | Marked | None
"""What a cell of a table holds; None and NaN are undefined."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, how many digits its numbers show, and which way is better where there is one.

    in_title: the title says it as well, so that only a file for machines needs the column.
    optional: the same where no row defines it.
    """

    name: str
    digits: int = 0
    better: Literal["higher", "lower"] | None = None
    numeric: bool = True
    probability: bool = False  # shown as `<0.001` where the digits would say 0
    in_title: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of values under columns; `notes` are footnotes that a reader needs to trust them.

    quoted: how many of the last rows are quoted from elsewhere; they are never ranked.
    unranked: places of further rows that are bounds rather than rivals.

    Texts are made `printable`, however the table will be written.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    quoted: int = 0
    unranked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of {self.title!r} needs {len(self.columns)} values")
        columns = tuple(replace(column, name=printable(column.name)) for column in self.columns)
        object.__setattr__(self, "title", printable(self.title))
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "rows", tuple(tuple(map(_shown, row)) for row in self.rows))
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))


def _shown(value: Value) -> Value:
    if isinstance(value, Marked):
        held = value.value
        held = printable(held) if isinstance(held, str) else held
        return Marked(held, printable(value.mark), printable(value.note))
    return printable(value) if isinstance(value, str) else value


def text_column(name: str) -> Column:
    """A column of words."""
    return Column(name, numeric=False)


def number(value: Value) -> float:
    """A cell as the number that it is ranked by: a mean, or NaN where there is none."""
    if isinstance(value, Spread):
        return value.mean
    if isinstance(value, Marked):
        value = value.value
    return float(value) if isinstance(value, int | float) else math.nan


def is_undefined(value: Value) -> bool:
    """Whether there is no number or word to show."""
    if isinstance(value, Spread):
        return math.isnan(value.mean)
    return value is None or (isinstance(value, float) and math.isnan(value))
