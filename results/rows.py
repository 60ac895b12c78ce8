"""Which runs make one row, and which rows may stand in one table.

A row is a configuration: everything of a cell but its seed and order. Rows are comparable when
they agree in protocol and manifest and were run with the same seeds and orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from results.errors import UsageError
from results.record import Record
from results.schema import canonical_json, features_key

Defaults = Mapping[str, Mapping[str, Any]]
"""Default parameters by method name; parameters that differ from them are shown."""

# Which cells above the diagonal are scored changes none of a row's other numbers.
_NOT_OF_THE_ROW = ("seed", "order", "unseen")


@dataclass(frozen=True)
class Row:
    """All runs of one configuration, at most one a seed and order."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.records[0]

    @property
    def data(self) -> tuple[str, str]:
        """(protocol id, manifest hash)."""
        return self.first.protocol, str(self.first.cell["manifest"])

    @property
    def seeds(self) -> list[int]:
        return sorted({record.seed for record in self.records})

    @property
    def orders(self) -> list[str]:
        return sorted({record.order for record in self.records})

    @cached_property
    def design(self) -> frozenset[tuple[int, str, tuple[str, ...]]]:
        """The seeds and orders that were run, an order by name and content."""
        return frozenset(
            (record.seed, record.order, tuple(record.cell["order"]["categories"]))
            for record in self.records
        )


def rows_of(records: Iterable[Record]) -> list[Row]:
    """One row a configuration, sorted by method, parameters and features.

    Of two runs of one seed and order (they differ in `unseen`) the first counts.
    """
    groups: dict[bytes, dict[Any, Record]] = {}
    for record in records:
        cell = {name: value for name, value in record.cell.items() if name not in _NOT_OF_THE_ROW}
        run = (record.seed, canonical_json(record.cell["order"]))
        groups.setdefault(canonical_json(cell), {}).setdefault(run, record)
    rows = [
        Row(tuple(runs[run] for run in sorted(runs, key=lambda run: (run[0], run[1]))))
        for runs in groups.values()
    ]
    return sorted(rows, key=_place)


def by_routing(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records of `oracle` and of `inferred` routing apart: they never share a table."""
    apart: dict[str, list[Record]] = {}
    for record in records:
        apart.setdefault(record.routing, []).append(record)
    return dict(sorted(apart.items(), reverse=True))


def check_comparable(rows: Sequence[Row], *, mixable: bool = True) -> None:
    """`UsageError` naming the first difference that forbids one table of these rows.

    `mixable`: whether `--allow-mixed` is a way out.
    """
    for other in rows[1:]:
        one = rows[0]
        for what, mine, theirs in zip(("protocol", "data"), one.data, other.data, strict=True):
            if mine != theirs:
                raise UsageError(
                    f"rows of different {what} are not comparable: {one.first.method} has "
                    f"{mine[:40]}, {other.first.method} has {theirs[:40]}; choose one"
                    + ", or label the rows with --allow-mixed"
                    * mixable
                )
        if one.design != other.design:
            raise UsageError(
                f"rows of different runs are not comparable: {one.first.method} "
                f"({short_key(one)}) has {describe_runs(one)}, {other.first.method} "
                f"({short_key(other)}) has {describe_runs(other)}; run the missing ones, choose "
                f"rows{', or label them with --allow-mixed' * mixable}"
            )


def short_key(row: Row) -> str:
    """The beginning of the key of the row's first run."""
    return row.first.key[:8]


def describe_runs(row: Row) -> str:
    """`seeds 0-2, order alphabetical`; the number of runs where it is not the full product."""
    seeds, orders = _plural("seed", row.seeds), _plural("order", row.orders)
    text = f"{seeds} {number_ranges(row.seeds)}, {orders} {', '.join(row.orders)}"
    full = len(row.seeds) * len(row.orders)
    return text if len(row.records) == full else f"{text} ({len(row.records)} of {full} runs)"


def number_ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with runs joined: `0-2,5`."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and n == parts[-1][-1] + 1:
            parts[-1].append(n)
        else:
            parts.append([n])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def method_labels(rows: Sequence[Row]) -> list[str]:
    """Method names, with the version where rows of one name have several."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        versions.setdefault(row.first.method, set()).add(_version(row))
    return [
        row.first.method
        + (f" (version {_version(row)})" if len(versions[row.first.method]) > 1 else "")
        for row in rows
    ]


def parameter_labels(
    rows: Sequence[Row], defaults: Defaults | None = None, hidden: Sequence[str] = ()
) -> list[str]:
    """`experts=3, replay=full`: what differs within a method's rows or from its defaults."""
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
        labels.append(", ".join(f"{name}={_plain(row.first.params[name])}" for name in shown))
    return labels


def backbone_labels(rows: Sequence[Row]) -> list[str]:
    """`tf_efficientnet_lite0 concat`, with a hash where two feature settings look alike."""
    names = [_backbone(row) for row in rows]
    keys = [features_key(row.first.cell) for row in rows]
    alike: dict[str, set[str]] = {}
    for name, key in zip(names, keys, strict=True):
        alike.setdefault(name, set()).add(key)
    return [
        f"{name} ({key[:8]})" if len(alike[name]) > 1 else name
        for name, key in zip(names, keys, strict=True)
    ]


def _plural(noun: str, things: Sequence[object]) -> str:
    return noun if len(things) == 1 else f"{noun}s"


def _backbone(row: Row) -> str:
    features = row.first.cell["features"]
    return f"{features['backbone']} {features['embedding']}"


def _version(row: Row) -> str:
    return str(row.first.cell["method"]["version"])


def _plain(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _place(row: Row) -> tuple[Any, ...]:
    """Numbers sort as numbers, so that 10 experts follow 9."""
    params = [
        (name, 0, value, "") if isinstance(value, int | float) else (name, 1, 0, str(value))
        for name, value in sorted(row.first.params.items())
    ]
    return (
        row.first.method,
        _version(row),
        params,
        features_key(row.first.cell),
        *row.data,
        row.first.key,
    )
