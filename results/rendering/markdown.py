"""Write tables as Markdown and CSV. Undefined is a dash in Markdown and empty in CSV, never 0."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

from ..sanitizing import inert_field
from .highlight import Highlight, Mark, legend, marks
from .table import Column, Marked, Spread, Table, Value, is_undefined
from .trimming import without_redundant_columns

DASH = "–"

_MARKDOWN = re.compile(
    r"[\\`*|~$]|<(?=[A-Za-z/!?])"
    r"|(?<![^\W_])_|_(?![^\W_])"  # has no effect inside a word
    r"|\](?=[\[(:])"  # of a link, or of its definition
    r"|&(?=\#?\w+;)"
    r"|(?<![^ ])\#(?=\#*$)"  # at the end of a heading
)
# At the beginning of a line of text: quotations, lists, headings, rules, and numbers of lists.
_BEGINNING = re.compile(r"^(\d{1,9})(?=[.)])|^(?=[-+>=#_])|^(?=\[[ xX]\])")


def to_markdown(table: Table, highlight: Highlight = "none") -> str:
    """Write a table as Markdown: a heading, aligned columns, and its notes."""
    table = without_redundant_columns(table)
    found = marks(table, highlight)
    cells = [[escape_markdown(column.name) for column in table.columns]]
    cells += [
        [
            _emphasised(escape_markdown(display(value, column)), mark)
            for value, column, mark in zip(row, table.columns, of_row, strict=True)
        ]
        for row, of_row in zip(table.rows, found, strict=True)
    ]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width
        for width, column in zip(widths, table.columns, strict=True)
    ]
    lines = [f"### {escape_markdown(table.title)}", ""]
    lines += [_line(row, widths, table.columns) for row in [cells[0], rule, *cells[1:]]]
    explained = legend(table, found, "bold", "italic")
    notes = [*([explained] if explained else []), *table.notes]
    if notes:
        lines += ["", *(f"- {_note(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def to_csv(table: Table) -> str:
    """Write a table as CSV: one header line, then the rows at full precision.

    A mean with deviation takes three columns (mean, deviation, n), five with an interval.
    Footnotes of single values are in a column next to them; other notes are not written.
    """
    parts = [_csv_parts([row[i] for row in table.rows]) for i in range(len(table.columns))]
    marked = _holding(Marked, table)
    header: list[str] = []
    for column, own, noted in zip(table.columns, parts, marked, strict=True):
        header += [inert_field(f"{column.name}{part}") for part in own]
        header += [inert_field(f"{column.name} note")] * noted
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in table.rows:
        fields: list[Value] = []
        for value, own, noted in zip(row, parts, marked, strict=True):
            plain = value.value if isinstance(value, Marked) else value
            fields += _spread_fields(plain)[: len(own)]
            fields += [value.note if isinstance(value, Marked) else None] * noted
        writer.writerow(map(_field, fields))
    return buffer.getvalue()


def display(value: Value, column: Column) -> str:
    """Format a value as it is printed: `0.812 ± 0.004 [0.790, 0.833]`, `1440` or `–`."""
    if value is None or is_undefined(value):
        return DASH
    if isinstance(value, Marked):
        return f"{display(value.value, column)} {value.mark}"
    if isinstance(value, Spread):
        text = _fixed(value.mean, column.digits)
        if not math.isnan(value.deviation):
            text += f" ± {_fixed(value.deviation, column.digits)}"
        if value.low is not None and value.high is not None and not math.isnan(value.low):
            ends = (_fixed(end, column.digits) for end in (value.low, value.high))
            text += f" [{', '.join(ends)}]"
        return text
    if isinstance(value, float) and column.probability and 0 < value < 10**-column.digits:
        return f"<{10**-column.digits:.{column.digits}f}"
    return _fixed(value, column.digits) if isinstance(value, float) else str(value)


def escape_markdown(text: str) -> str:
    """Escape text for Markdown and join it into one line.

    Only characters that would have an effect are escaped: `per_category`, `[1]` and `5 > 3` stay
    readable.
    """
    joined = " ".join(text.split())
    joined = "".join(c if c.isprintable() else "\ufffd" for c in joined)
    return _MARKDOWN.sub(r"\\\g<0>", joined)


def _field(value: Value) -> Value:
    if is_undefined(value):
        return ""
    return inert_field(value) if isinstance(value, str) else value


def _holding(kind: type, table: Table) -> list[bool]:
    """For each column, whether any of its values is of this type."""
    places = range(len(table.columns))
    return [any(isinstance(row[place], kind) for row in table.rows) for place in places]


def _note(note: str) -> str:
    """Write a note as a list item; options stay code."""
    escaped = re.sub(r"\\`([-\w ]+)\\`", r"`\1`", escape_markdown(note))
    return _BEGINNING.sub(r"\1\\", escaped)


def _emphasised(text: str, mark: Mark) -> str:
    return {"best": f"**{text}**", "second": f"*{text}*", None: text}[mark]


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _csv_parts(values: Sequence[Value]) -> tuple[str, ...]:
    """The suffixes of the headings of the CSV columns that these values need."""
    spreads = [value for value in values if isinstance(value, Spread)]
    if any(value.low is not None for value in spreads):
        return "", " sd", " n", " low", " high"
    return ("", " sd", " n") if spreads else ("",)


def _spread_fields(value: Value) -> list[Value]:
    if isinstance(value, Spread):
        return [value.mean, value.deviation, value.n, value.low, value.high]
    return [value, None, None, None, None]


def _line(cells: Iterable[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    padded = [
        cell.rjust(width) if column.numeric else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
