"""`Table`: headings, values with their precision, and notes, independent of any format."""

from __future__ import annotations

import importlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, TypeAlias

from ..sanitizing import printable
from ..storage.files import write_bytes

if TYPE_CHECKING:
    import pandas as pd

Highlight = Literal["none", "best", "second"]
"""Which cells to mark: none, the best, or the best and the second best."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and sample deviation over n runs; NaN where undefined.

    Attributes:
        low, high: ends of the 95 % interval. NaN if the value has none, None if none was requested.
    """

    mean: float
    deviation: float
    n: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Iterable[SupportsFloat]) -> Spread:
        """Mean and deviation of the values that are not NaN."""
        defined = [float(value) for value in values if not math.isnan(value)]
        mean = statistics.fmean(defined) if defined else math.nan
        deviation = statistics.stdev(defined) if len(defined) > 1 else math.nan
        return cls(mean, deviation, len(defined))


@dataclass(frozen=True, slots=True)
class Marked:
    """A number or word with a footnote: its mark, such as `[1]`, and the text of the footnote."""

    value: str | float
    mark: str
    note: str


Value: TypeAlias = str | int | float | Spread | Marked | None
"""A cell of a table; None and NaN are undefined."""


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column, the digits of its numbers, and which direction is better, if any.

    Attributes:
        in_title: the table's title has the same value, so only CSV and DataFrames need the column.
        optional: printed only if some row defines it.
        hide: place in the order in which a narrow terminal leaves columns out, from 1; 0 for never.
    """

    name: str
    digits: int = 0
    better: Literal["higher", "lower"] | None = None
    numeric: bool = True
    probability: bool = False  # printed as `<0.001` if it rounds to 0
    in_title: bool = False
    optional: bool = False
    hide: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of values under columns, with the notes that a reader needs.

    All texts are made safe to print with `printable`, whatever format is written.

    Attributes:
        notes: footnotes.
        quoted: number of rows at the end that are quoted from publications; they are not ranked.
        unranked: indices of other rows that are references, not competitors.
        close: indices of rows that a test does not separate from the best one; LaTeX marks them.
        close_note: how that was tested.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    quoted: int = 0
    unranked: tuple[int, ...] = ()
    close: tuple[int, ...] = ()
    close_note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of {self.title!r} needs {len(self.columns)} values")
        columns = tuple(replace(column, name=printable(column.name)) for column in self.columns)
        object.__setattr__(self, "title", printable(self.title))
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "rows", tuple(tuple(map(_visible, row)) for row in self.rows))
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))

    def to_latex(
        self,
        file: str | Path | None = None,
        *,
        highlight: Highlight = "second",
        label: str | None = None,
    ) -> str:
        """Write the table for LaTeX, after a comment that names the packages it needs.

        Args:
            file: where to write the text, if anywhere.
            highlight: which values of a column to mark: `none`, `best`, or the `second` best too.
            label: the label for cross-references [one made from the title].

        Returns:
            The text.

        Example:
            >>> text = table.to_latex("main.tex", label="tab:main")
        """
        return _write(_renderer("latex", "latex_file")([self], highlight, label), file)

    def to_markdown(self, file: str | Path | None = None, *, highlight: Highlight = "none") -> str:
        """Write the table as Markdown, with its title and notes.

        Args:
            file: where to write the text, if anywhere.
            highlight: which values of a column to mark.

        Returns:
            The text.

        Example:
            >>> print(table.to_markdown())
        """
        return _write(_renderer("markdown", "to_markdown")(self, highlight), file)

    def to_csv(self, file: str | Path | None = None) -> str:
        """Write the rows as CSV at full precision; `to_frame` gives the same to pandas.

        Args:
            file: where to write the text, if anywhere.

        Returns:
            The text.

        Example:
            >>> text = table.to_csv("main.csv")
        """
        return _write(_renderer("markdown", "to_csv")(self), file)

    def to_html(
        self,
        file: str | Path | None = None,
        *,
        highlight: Highlight = "second",
        label: str | None = None,
    ) -> str:
        """Write the table as an HTML page that needs no other file.

        Args:
            file: where to write the text, if anywhere.
            highlight: which values of a column to mark.
            label: the id of the table.

        Returns:
            The text.

        Example:
            >>> text = table.to_html("main.html")
        """
        return _write(_renderer("html", "html_page")([self], highlight, label, self.title), file)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame at full precision.

        A mean with deviation takes two columns, such as `bwt` and `bwt ±`.

        Example:
            >>> table.to_frame().sort_values("AUROC")
        """
        return _renderer("frame", "to_frame")(self)

    def __repr__(self) -> str:
        rows, columns = len(self.rows), len(self.columns)
        return f"<Table {self.title!r}: {rows} rows, {columns} columns>"

    def __str__(self) -> str:
        """The table as text that fits the terminal."""
        return str(_renderer("terminal", "to_text")(self))

    def _repr_html_(self) -> str:
        """How a notebook shows the table."""
        style, to_html = _renderer("html", "STYLE"), _renderer("html", "to_html")
        return f"<style>\n{style}</style>\n{to_html(self)}"


def _renderer(module: str, name: str) -> Any:
    """An object of this package, whose other files import this one; loaded when it is needed."""
    return getattr(importlib.import_module(f".{module}", __package__), name)


def _write(text: str, file: str | Path | None) -> str:
    """Return the text, written to the file if there is one."""
    if file is not None:
        write_bytes(Path(file), text.encode("utf-8", "replace"))
    return text


def _visible(value: Value) -> Value:
    if isinstance(value, Marked):
        held = value.value
        held = printable(held) if isinstance(held, str) else held
        return Marked(held, printable(value.mark), printable(value.note))
    return printable(value) if isinstance(value, str) else value


def text_column(name: str) -> Column:
    """A column of words."""
    return Column(name, numeric=False)


def number(value: Value) -> float:
    """The number that a cell is ranked by: a number or a mean; NaN if there is none."""
    if isinstance(value, Spread):
        return value.mean
    if isinstance(value, Marked):
        value = value.value
    return float(value) if isinstance(value, int | float) else math.nan


def is_undefined(value: Value) -> bool:
    """Whether the cell has no number or word to print."""
    if isinstance(value, Spread):
        return math.isnan(value.mean)
    return value is None or (isinstance(value, float) and math.isnan(value))
