"""What methods recorded with `context.record`, by kind, and its curves per experience."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records.record import Record
from ..records.schema import ASSIGNED, PART_ASSIGNED, SEGMENT, SIMILARITY, SWITCH, WRONG_NEIGHBORS

if TYPE_CHECKING:
    import pandas as pd

STEPS = ("step", "epoch")
"""Columns that number the events of an experience; the first that a kind has is its x axis."""

_OWN = (ASSIGNED, PART_ASSIGNED, SEGMENT, SIMILARITY, WRONG_NEIGHBORS)
"""Kinds with a table and figures of their own."""

_LONGEST = 24
"""Characters of the categories in the name of a curve."""


@dataclass(frozen=True, eq=False)
class RecordedKind:
    """The events of one kind.

    Attributes:
        name: the kind.
        events: its rows, with the columns `experience` and those in which a row has a value.
        numbers: the columns of numbers, besides the experience.
    """

    name: str
    events: pd.DataFrame
    numbers: tuple[str, ...]

    @property
    def step(self) -> str | None:
        """The column that numbers the events; None if there is none."""
        return next((column for column in STEPS if column in self.numbers), None)

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns of numbers that are no steps."""
        return tuple(column for column in self.numbers if column not in STEPS)


@dataclass(frozen=True)
class Curve:
    """One line: its name, and its points."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """The lines of one column.

    Attributes:
        name: the column, after the kind unless this is that of a step: `loss`, `teacher: loss`.
        x: what the x axis counts.
        column: what the y axis shows.
        curves: one per experience, and per category if the events name one.
    """

    name: str
    x: str
    column: str
    curves: tuple[Curve, ...]


def recorded_kinds(record: Record) -> list[RecordedKind]:
    """Return the kinds of events that the method recorded, without assignments to experts."""
    events = record.events
    names = [str(name) for name in dict.fromkeys(events["kind"]) if name not in _OWN]
    return [_kind(name, events[events["kind"] == name]) for name in names]


def curves_of(record: Record, kinds: Sequence[RecordedKind] | None = None) -> list[Curves]:
    """Return the curves of all columns of numbers, without single moments such as switches.

    Args:
        record: the run.
        kinds: its kinds of events, if they are known.
    """
    return [
        _curves(record, kind, column)
        for kind in (recorded_kinds(record) if kinds is None else kinds)
        if kind.name != SWITCH
        for column in kind.measured
    ]


def _kind(name: str, events: pd.DataFrame) -> RecordedKind:
    used = [str(c) for c in events if c != "kind" and not _is_empty(events[c])]
    kept = events[["experience", *(c for c in used if c != "experience")]].reset_index(drop=True)
    numbers = tuple(c for c in used if c != "experience" and _is_numeric(kept[c]))
    return RecordedKind(name, kept, numbers)


def _curves(record: Record, kind: RecordedKind, column: str) -> Curves:
    import pandas as pd

    events = kind.events[pd.to_numeric(kind.events[column]).map(math.isfinite)]
    by = ["experience", *["category"] * ("category" in events)]
    groups = [(key, group) for key, group in events.groupby(by, sort=False)]
    title = column if kind.name in STEPS else f"{kind.name}: {column}"
    if kind.step is None and all(len(group) == 1 for _, group in groups):
        return Curves(title, "experience", column, _along_the_stream(events, column))
    curves = []
    for key, group in groups:
        x: Sequence[float] = range(1, len(group) + 1)
        if kind.step is not None:
            x = [float(value) for value in group[kind.step]]
        y = tuple(float(value) for value in group[column])
        curves.append(Curve(_name(record, *map(str, key)), tuple(map(float, x)), y))
    return Curves(title, kind.step or "event", column, tuple(curves))


def _along_the_stream(events: pd.DataFrame, column: str) -> tuple[Curve, ...]:
    """One point per experience: one line, or one per category."""
    groups: dict[str, pd.DataFrame] = {"": events}
    if "category" in events and events["experience"].duplicated().any():
        groups = {str(name): group for name, group in events.groupby("category", sort=False)}
    return tuple(
        Curve(name, tuple(map(float, group["experience"])), tuple(map(float, group[column])))
        for name, group in groups.items()
    )


def _name(record: Record, experience: str, category: str = "") -> str:
    """`3: bolt`: an experience with its categories, if these are few."""
    named = category or ", ".join(record.experiences[int(experience) - 1])
    return f"{experience}: {named}" if len(named) <= _LONGEST or category else experience


def _is_empty(values: pd.Series) -> bool:
    return bool((values.isna() | (values == "")).all())


def _is_numeric(values: pd.Series) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return bool(is_numeric_dtype(values) and not is_bool_dtype(values))
