"""Group runs into rows, and name the rows.

A row is a configuration: everything of a cell except its seed and order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..counts import pluralize
from ..records.record import Record
from ..records.schema import STREAM_OPTIONS, canonical_json, domains_of, features_key

Defaults = Mapping[str, Mapping[str, Any]]
"""Default parameters by method name; parameters that differ are printed."""

# `unseen` only decides which values above the diagonal exist; all other numbers are equal.
NOT_OF_THE_ROW = ("seed", "order", "unseen")

SWEPT = "experts"
"""The parameter that has its own axis in figures and its own column in tables."""
_MOST_EXPERTS = 10**6

_IDENTITY = ("schedule", "routing", "preprocessing", "maps", *STREAM_OPTIONS)
"""Cell fields that a protocol id fixes. Two protocol files may give one id to different values."""


Run = tuple[int, str, tuple[str, ...]]
"""Seed, name of the order, and the categories in this order."""


@dataclass(frozen=True)
class Row:
    """All runs of one configuration, at most one per seed and order."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.records[0]

    @cached_property
    def data(self) -> tuple[str, str, str]:
        """Protocol id, manifest hash and settings: rows that differ here are never mixed."""
        identity = canonical_json(self.identity).decode()
        return self.first.protocol, str(self.first.cell["manifest"]), identity

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The settings behind the protocol id, flat: schedule, preprocessing.crop, ..."""
        flat: dict[str, Any] = {}
        for name in _IDENTITY:
            value = self.first.cell.get(name)
            if name == "drift":
                value = ", ".join(domains_of(self.first.cell)) or None
            if value is None:
                continue
            if isinstance(value, Mapping):
                flat |= {f"{name}.{part}": inner for part, inner in value.items()}
            else:
                flat[name] = value
        return flat

    @property
    def seeds(self) -> list[int]:
        return sorted({record.seed for record in self.records})

    @property
    def orders(self) -> list[str]:
        return sorted({record.order for record in self.records})

    @cached_property
    def design(self) -> frozenset[Run]:
        """The seeds and orders that were run."""
        return frozenset(map(run_of, self.records))


def run_of(record: Record) -> Run:
    """The seed and order of a record; an order by name and content."""
    return record.seed, record.order, tuple(record.cell["order"]["categories"])


def rows_of(records: Iterable[Record]) -> list[Row]:
    """One row per configuration, sorted by method, parameters and features.

    Of two runs of one seed and order (they differ in `unseen`) the first is used.
    """
    groups: dict[bytes, dict[Any, Record]] = {}
    for record in records:
        cell = {name: value for name, value in record.cell.items() if name not in NOT_OF_THE_ROW}
        run = (record.seed, canonical_json(record.cell["order"]))
        groups.setdefault(canonical_json(cell), {}).setdefault(run, record)
    rows = [
        Row(tuple(runs[run] for run in sorted(runs, key=lambda run: (run[0], run[1]))))
        for runs in groups.values()
    ]
    return sorted(rows, key=_sort_key)


def experts_of(record: Record) -> int | None:
    """Return the number of experts, or None if the method has no such parameter.

    A parameter `experts` that is not a positive integer is an ordinary one: plugins may have it.
    """
    value = record.params.get(SWEPT)
    return value if type(value) is int and 0 < value <= _MOST_EXPERTS else None


def by_routing(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Split records by routing: `oracle` and `inferred` never share a table."""
    apart: dict[str, list[Record]] = {}
    for record in records:
        apart.setdefault(record.routing, []).append(record)
    return dict(sorted(apart.items(), reverse=True))


def short_key(row: Row) -> str:
    """The first digits of the key of the row's first run."""
    return row.first.key[:8]


def describe_runs(row: Row) -> str:
    """`seeds 0-2, order alphabetical`; the number of runs if not all combinations were run."""
    seeds, orders = pluralize("seed", len(row.seeds)), pluralize("order", len(row.orders))
    text = f"{seeds} {number_ranges(row.seeds)}, {orders} {', '.join(row.orders)}"
    full = len(row.seeds) * len(row.orders)
    return text if len(row.records) == full else f"{text} ({len(row.records)} of {full} runs)"


def number_ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with consecutive ones joined: `0-2,5`."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and n == parts[-1][-1] + 1:
            parts[-1].append(n)
        else:
            parts.append([n])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def method_labels(rows: Sequence[Row]) -> list[str]:
    """Method names, with the version where rows of one method have several."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        versions.setdefault(row.first.method, set()).add(method_version(row.first))
    return [
        row.first.method
        + (f" (version {method_version(row.first)})" if len(versions[row.first.method]) > 1 else "")
        for row in rows
    ]


def parameter_labels(
    rows: Sequence[Row], defaults: Defaults | None = None, hidden: Sequence[str] = ()
) -> list[str]:
    """Parameters per row, such as `experts=3, replay=full`.

    Args:
        rows: the rows.
        defaults: default parameters by method name.
        hidden: parameters to leave out, because they have a column of their own.

    Returns:
        One text per row: the parameters that differ within a method's rows or from its defaults.
    """
    labels = []
    for row in rows:
        siblings = [other.first.params for other in rows if other.first.method == row.first.method]
        usual = (defaults or {}).get(row.first.method, {})
        shown = [
            name
            for name, value in row.first.params.items()
            if name not in hidden
            and (
                any(name not in other or other[name] != value for other in siblings)
                or (name in usual and usual[name] != value)
            )
        ]
        tuned = row.first.cell.get("tuned", {}).get("params", {})
        shown = [name for name in row.first.params if name in shown or name in tuned]
        marks = dict.fromkeys(tuned, " (tuned)")
        labels.append(
            ", ".join(f"{n}={plain(row.first.params[n])}{marks.get(n, '')}" for n in shown)
        )
    return labels


def backbone_labels(rows: Sequence[Row]) -> list[str]:
    """`tf_efficientnet_lite0 concat`, with a hash if two feature settings have the same name."""
    names = [_backbone(row) for row in rows]
    keys = [features_key(row.first.cell) for row in rows]
    keys_of: dict[str, set[str]] = {}
    for name, key in zip(names, keys, strict=True):
        keys_of.setdefault(name, set()).add(key)
    return [
        f"{name} ({key[:8]})" if len(keys_of[name]) > 1 else name
        for name, key in zip(names, keys, strict=True)
    ]


def _backbone(row: Row) -> str:
    features = row.first.cell["features"]
    return f"{features['backbone']} {features['embedding']}"


def method_version(record: Record) -> str:
    """The version of the method that made a record."""
    return str(record.cell["method"]["version"])


def version_order(record: Record) -> tuple[int, str]:
    """A sort key that puts later versions of a method last."""
    text = method_version(record)
    return len(text), text


def plain(value: Any) -> str:
    """A parameter value as users write it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def params_sort_key(params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return a key that sorts numbers as numbers, so 10 experts follow 9."""
    return [
        (name, 0, value, "") if isinstance(value, int | float) else (name, 1, 0, str(value))
        for name, value in sorted(params.items())
    ]


def _sort_key(row: Row) -> tuple[Any, ...]:
    return (
        row.first.method,
        method_version(row.first),
        params_sort_key(row.first.params),
        features_key(row.first.cell),
        *row.data,
        row.first.key,
    )
