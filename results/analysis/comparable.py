"""Decide which rows may be in one table.

Rows are comparable if they have the same protocol id, the same settings behind that id and the same
manifest, and were run with the same seeds and orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..counts import format_count, pluralize
from ..errors import UsageError
from .rows import Row, Run, number_ranges, plain, run_of, short_key

_NAMED = 3
"""Number of rows whose missing runs an error lists."""


def check_comparable(rows: Sequence[Row]) -> None:
    """Check that rows that a user named may be compared.

    Args:
        rows: the rows.

    Raises:
        UsageError: names the first difference.
    """
    for other in rows[1:]:
        one = rows[0]
        for what, mine, theirs in zip(("protocol", "data"), one.data, other.data, strict=False):
            if mine != theirs:
                raise UsageError(
                    f"rows of different {what} are not comparable: {one.first.method} has "
                    f"{mine[:40]}, {other.first.method} has {theirs[:40]}; choose one"
                )
        for what in sorted(one.identity.keys() | other.identity.keys()):
            ours, others = one.identity.get(what), other.identity.get(what)
            if ours != others:
                raise UsageError(
                    f"rows of one protocol id but different {what} are not comparable: "
                    f"{one.first.method} ({short_key(one)}) has {plain(ours)}, "
                    f"{other.first.method} ({short_key(other)}) has {plain(others)}, both as "
                    f"{one.data[0]}; give one protocol another id"
                )
    lacking = missing_runs(rows)
    if lacking:
        more = len(lacking) - _NAMED
        verb = "lacks" if more == 1 else "lack"
        raise UsageError(
            f"rows of different runs are not comparable: {'; '.join(lacking[:_NAMED])}"
            + (f"; and {format_count(more, 'more row')} {verb} some" if more > 0 else "")
            + "; run the missing ones, or compare the shared runs with --common"
        )


def complete_rows(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Select the rows that have all runs of the most frequent design, restricted to these runs.

    Args:
        rows: rows of one protocol and dataset.

    Returns:
        The rows, and one line per row that lacks runs.
    """
    counts = Counter(row.design for row in rows)
    design = max(counts, key=lambda each: (counts[each], len(each), sorted(each)))
    complete = [_restricted(row, design) for row in rows if design <= row.design]
    lines = [missing_runs([complete[0], row])[-1] for row in rows if not design <= row.design]
    return complete, lines


def common_rows(rows: Sequence[Row]) -> list[Row]:
    """Restrict every row to the runs (seeds and orders) that all rows have.

    Raises:
        UsageError: they have none in common.
    """
    design = frozenset.intersection(*(row.design for row in rows))
    if not design:
        raise UsageError(
            f"these rows share no seed and order: {'; '.join(missing_runs(rows)[:_NAMED])}; run "
            "the missing ones or choose rows"
        )
    return [_restricted(row, design) for row in rows]


def _restricted(row: Row, design: frozenset[Run]) -> Row:
    return Row(tuple(record for record in row.records if run_of(record) in design))


def missing_runs(rows: Sequence[Row]) -> list[str]:
    """One line per row that lacks runs: `patchcore (1a2b3c4d) lacks seed 2 of order random:1`."""
    every = {run for row in rows for run in row.design}
    contents: dict[str, set[tuple[str, ...]]] = {}
    for _, name, categories in every:
        contents.setdefault(name, set()).add(categories)
    lines = []
    for row in rows:
        missing: dict[str, list[int]] = {}
        for seed, name, categories in sorted(every - row.design, key=lambda run: run[1:]):
            ambiguous = len(contents[name]) > 1
            order = f"{name} ({', '.join(categories)})" if ambiguous else name
            missing.setdefault(order, []).append(seed)
        lacks = [
            f"{pluralize('seed', len(seeds))} {number_ranges(sorted(seeds))} of order {order}"
            for order, seeds in missing.items()
        ]
        if lacks:
            lines.append(f"{row.first.method} ({short_key(row)}) lacks {' and '.join(lacks)}")
    return lines


def identity_labels(rows: Sequence[Row]) -> list[str]:
    """Settings in which rows with one protocol id differ, such as `maps.sigma=2.0`, one per row."""
    labels = []
    for row in rows:
        namesakes = [other.identity for other in rows if other.data[0] == row.data[0]]
        labels.append(
            ", ".join(
                f"{name}={plain(value)}"
                for name, value in row.identity.items()
                if any(other.get(name) != value for other in namesakes)
            )
        )
    return labels
