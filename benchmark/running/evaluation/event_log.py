"""`EventLog`: the events that a method records, checked when it records them.

A value that cannot be written is refused in the method's own call, not at the end of a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ....results.records.schema import (
    ASSIGNED,
    ASSIGNMENT,
    PART_ASSIGNED,
    SEGMENT,
    SIMILARITY,
    WRONG_NEIGHBORS,
)
from ....results.sanitizing import is_printable
from ...system.plugin_errors import PluginMistake

Event: TypeAlias = dict[str, Any]
"""A row of the events table, without the number of the experience."""

_RESERVED = (SIMILARITY, PART_ASSIGNED, WRONG_NEIGHBORS, SEGMENT)
"""Kinds of events that cadbench itself records."""

_TYPES = {"int16": "number", "float64": "number", "bool": "true or false", "string": "text"}
_MAX_COLUMNS = 190
_MAX_TEXT = 4096
"""Limits of `cadbench import`, which refuses larger tables."""


@dataclass(eq=False)
class EventLog:
    """Collects events; each column holds numbers, texts, or true and false.

    Attributes:
        events: where events are appended.
    """

    events: list[Event] = field(default_factory=list)
    _types: dict[str, str] = field(
        default_factory=lambda: (
            {"category": "text", "other": "text"}
            | {name: _TYPES[kind] for name, kind in ASSIGNMENT.items()}
        ),
        repr=False,
    )

    def learn_types(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Restore the types of columns from the events of an interrupted run."""
        for event in events:
            for name, value in event.items():
                if value is not None and name not in ("experience", "kind"):
                    self._types.setdefault(name, _type_of(value) or "text")

    def record(self, kind: str, values: Mapping[str, Any]) -> None:
        """Append an event.

        Args:
            kind: what happened.
            values: by column: numbers, texts, true or false, None, or scalars of NumPy or torch.

        Raises:
            PluginMistake: the event cannot be written to a record.
        """
        if not isinstance(kind, str) or not kind or not _is_writable(kind):
            raise PluginMistake(f"record: the kind of an event must be a text, got {kind!r:.60}")
        if kind in _RESERVED:
            raise PluginMistake(
                f"record({kind!r}): cadbench records this kind; choose another name"
            )
        event: Event = {"kind": kind}
        for name, given in values.items():
            if name == "experience":
                continue  # cadbench adds the number of the experience
            event[name] = self._check_value(kind, name, given)
        if kind == ASSIGNED:
            _check_assignment(event)
        self.events.append(event)

    def _check_value(self, kind: str, name: Any, given: Any) -> Any:
        where = f"record({kind!r}): {name}"
        if not isinstance(name, str) or not name or not _is_writable(name):
            raise PluginMistake(
                f"record({kind!r}): expected column names of 1 to {_MAX_TEXT} printable "
                f"characters, got {name!r:.60}"
            )
        value = _plain(given)
        if value is None:
            return None
        type_ = _type_of(value)
        if type_ is None or (isinstance(value, int) and abs(value) >= 2**63):
            raise PluginMistake(
                f"{where} is {_describe(given)}; expected a number (64 bits), a text, true or "
                "false, or None"
            )
        if isinstance(value, str) and not _is_writable(value):
            raise PluginMistake(
                f"{where} has unprintable characters or more than {_MAX_TEXT} characters"
            )
        usual = self._types.setdefault(name, type_)
        if type_ != usual:
            raise PluginMistake(
                f"{where} is {_describe(given)}, but this column holds {usual}; use another name"
            )
        if len(self._types) > _MAX_COLUMNS:
            raise PluginMistake(f"{where}: events have more than {_MAX_COLUMNS} columns")
        return value


def _check_assignment(event: Event) -> None:
    """Check the columns that tables and figures of assignments need."""
    if missing := [name for name in ("category", *ASSIGNMENT) if name not in event]:
        raise PluginMistake(f"record('assignment') needs {', '.join(missing)}; see docs/plugins.md")
    expert = event["expert"]
    if type(expert) is not int or not 0 <= expert <= 32767:
        raise PluginMistake(f"record('assignment'): expert is {expert!r}, expected 0 to 32767")
    for name in ("category", "chosen"):
        if event[name] is None:
            raise PluginMistake(f"record('assignment'): {name} is None")


def _plain(value: Any) -> Any:
    """The Python value of a scalar of NumPy or torch; other values are returned as they are."""
    is_array = type(value).__module__.partition(".")[0] in ("numpy", "torch")
    is_scalar = is_array and math.prod(getattr(value, "shape", ())) == 1
    return value.item() if is_scalar and hasattr(value, "item") else value


def _type_of(value: Any) -> str | None:
    """`number`, `text` or `true or false`; None for anything else."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _is_writable(text: str) -> bool:
    return len(text) <= _MAX_TEXT and is_printable(text)


def _describe(value: Any) -> str:
    return repr(value)[:60] if _type_of(value) else f"a {type(value).__name__}"
