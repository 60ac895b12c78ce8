"""Tables of what methods recorded with `context.record`."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..analysis.recorded_events import STEPS, RecordedKind, recorded_kinds
from ..analysis.rows import Defaults, rows_of
from ..counts import format_count
from ..records.record import Record
from ..rendering.table import Column, Table, Value, text_column
from .shared_runs import tables_of_rows
from .single_run import run_title

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 4
"""Significant digits of the median of a column."""


def recorded_table(record: Record, kinds: Sequence[RecordedKind] | None = None) -> Table | None:
    """One row per kind of events that the method recorded, with the last value of each number.

    Args:
        record: the run.
        kinds: its kinds of events, if they are known.

    Returns:
        The table; None if the method recorded nothing besides assignments.
    """
    kinds = recorded_kinds(record) if kinds is None else kinds
    if not kinds:
        return None
    rows = tuple((kind.name, len(kind.events), _last_values(kind)) for kind in kinds)
    columns = (text_column("kind"), Column("events"), text_column("last values"))
    notes = ("`cadbench table events` shows all events, `cadbench figure training` their curves",)
    return Table(run_title("Recorded", record), columns, rows, notes)


def events_tables(records: Iterable[Record], *, defaults: Defaults | None = None) -> list[Table]:
    """All recorded events: one table per row, order and kind, for all seeds that agree."""
    records = list(records)
    by_kind: dict[str, list[Record]] = {}
    for record in records:
        for kind in recorded_kinds(record):
            by_kind.setdefault(kind.name, []).append(record)
    tables: list[Table] = []
    for name, having in by_kind.items():
        make = functools.partial(_events_table, name=name, digits=_digits_of(having, name))
        tables += tables_of_rows(rows_of(having), make, defaults)
    return tables


def _events_table(record: Record, name: str, digits: Mapping[str, int]) -> Table:
    kind = _find(record, name)
    columns = [Column("experience")]
    for column in kind.events.columns[1:]:
        numeric = column in digits
        columns.append(Column(column, digits[column]) if numeric else text_column(column))
    rows = tuple(
        tuple(_value(value, column) for value, column in zip(event, columns, strict=True))
        for event in kind.events.itertuples(index=False, name=None)
    )
    title = run_title(f"Events {name.replace(':', ' ')}", record)
    return Table(title, tuple(columns), rows, (format_count(len(rows), "event"),))


def _find(record: Record, name: str) -> RecordedKind:
    return next(kind for kind in recorded_kinds(record) if kind.name == name)


def _digits_of(records: Sequence[Record], name: str) -> dict[str, int]:
    """Digits after the point of each column of numbers, the same for all runs."""
    values: dict[str, list[float]] = {}
    for record in records:
        kind = _find(record, name)
        for column in kind.numbers:
            values.setdefault(column, []).extend(_finite(kind.events[column]))
    return {column: _digits(found) for column, found in values.items()}


def _digits(values: Sequence[float]) -> int:
    sizes = sorted(abs(value) for value in values if value)
    if not sizes or all(value == int(value) for value in values):
        return 0
    return min(10, max(1, _DIGITS - 1 - math.floor(math.log10(sizes[len(sizes) // 2]))))


def _finite(values: pd.Series) -> list[float]:
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def _last_values(kind: RecordedKind) -> str:
    """`epoch 20, loss 0.0312`: the last value of each column of numbers."""
    columns = sorted(kind.numbers, key=lambda column: column not in STEPS)
    last = {column: _finite(kind.events[column])[-1:] for column in columns}
    return ", ".join(
        f"{name} {value:.{_DIGITS}g}" for name, found in last.items() for value in found
    )


def _value(value: Any, column: Column) -> Value:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if not column.numeric:
        return str(value)
    return float(value) if column.digits else int(value)
