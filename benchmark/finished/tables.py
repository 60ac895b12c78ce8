"""The tables of records by name: `main`, `per-category`, `experts`, `matrix` and the others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.figures.catalog import FIGURES
from ...results.records.record import Record
from ...results.rendering.table import Table
from ..plugins.default_params import default_params

COMPARING = (
    *("main", "per-category", "defects", "experts", "domains"),
    *("robustness", "thresholds", "boundaries", "costs"),
)
"""Tables in which rows are compared."""
CHOOSING = ("main", "experts", "boundaries", "costs")
"""Tables whose columns can be chosen."""
OF_ROWS = ("matrix", "memory", "assignments", "events")
"""Tables that show each row alone."""
PUBLISHED = "published"
KINDS = (*COMPARING, *OF_ROWS, PUBLISHED)


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What a table shows.

    Attributes:
        columns: metrics of the tables `CHOOSING`, as `cadbench metrics` lists them; None for the
            usual ones.
        metric: metric of `matrix`, `domains` and `robustness`.
        sort: the column that rows are sorted by, a heading or its metric; with `-` in front, in
            reverse. Only of tables that compare rows.
        allow_mixed: put rows of different protocols, data or runs in one table, and label them.
        common: keep every row, with the seeds and orders that all rows share.
        published: add published rows of the same stream.
        intervals: add 95 % bootstrap intervals.

    Raises:
        UsageError: `allow_mixed` and `common` are both set.
    """

    columns: Sequence[str] | None = None
    metric: str = "auroc"
    sort: str | None = None
    allow_mixed: bool = False
    common: bool = False
    published: bool = False
    intervals: bool = False

    def __post_init__(self) -> None:
        if self.allow_mixed and self.common:
            raise UsageError(
                "--allow-mixed and --common exclude each other: one keeps all runs of a row, the "
                "other only those that all rows share"
            )


def check_name(kind: Literal["table", "figure"], name: str) -> None:
    """Raise `UsageError` if there is no table or figure of this name."""
    known = {"table": KINDS, "figure": tuple(FIGURES)}
    other = "figure" if kind == "table" else "table"
    if name in known[kind]:
        return
    if name in known[other]:
        raise UsageError(
            f"there is no {kind} {name!r}, but a {other} of that name: `cadbench {other} {name}`"
        )
    raise UsageError(
        f"unknown {kind} {name!r}{suggestion(name, known[kind])}; available: "
        f"{', '.join(known[kind])}"
    )


def make_tables(kind: str, records: Sequence[Record], options: TableOptions) -> list[Table]:
    """Make the tables of a kind.

    Args:
        kind: one of `KINDS`.
        records: the records to show; `published` needs none, and compares claims to those of the
            same stream.
        options: what the tables show.

    Raises:
        UsageError: the records have nothing to show in such a table.
    """
    if kind == PUBLISHED:
        from ...results.published.rows import load_published
        from ...results.published.tables import published_tables

        return published_tables(load_published(), records, defaults=default_params(records))
    make = _comparison_tables if kind in COMPARING else _row_tables
    tables = make(kind, list(records), options)
    if not tables:
        reason = {
            "experts": "none of these records has a parameter `experts`",
            "domains": "none of these records was run with --drift",
            "robustness": "none of these records was run with --contaminate",
            "thresholds": "none of these records was run with --holdout",
            "costs": "the releases that made these records measured no costs",
            "boundaries": "no method of these records finds boundaries by itself (see `tame`)",
            "events": "no method of these records recorded events (see `context.record`)",
        }.get(kind, "no method of these records assigns categories to experts")
        raise UsageError(f"no table {kind}: {reason}")
    if options.sort is None or kind not in COMPARING:
        return tables
    from ...results.tables.sorting import sort_tables

    return sort_tables(tables, options.sort)


def claims_table(records: Sequence[Record], metric: str) -> Table:
    """Return the published claims of the records' stream about the final mean of a metric.

    Args:
        records: records of one dataset and schedule.
        metric: a metric of categories, such as `auroc`.

    Raises:
        UsageError: the records are of several streams, or no claim is about theirs.
    """
    from ...results.published.claims_table import claims_tables
    from ...results.published.groups import published_name
    from ...results.published.rows import load_published

    streams = {(record.cell["dataset"], record.cell["schedule"]) for record in records}
    if len(streams) > 1:
        names = "; ".join(" ".join(stream) for stream in sorted(streams))
        raise UsageError(
            f"claims are about one dataset and schedule, and the records have {names}: select "
            'records with where(...), or call tables("published")'
        )
    for dataset, schedule in streams:
        definition = dataset, schedule, published_name(metric), "acc"
        found = claims_tables(
            load_published(), records, defaults=default_params(records), definitions={definition}
        )
        if found:
            return found[0]
    about = " ".join(next(iter(streams), ())) or "without records, no stream"
    raise UsageError(
        f"no published claim is about the mean {metric} of {about}; "
        'tables("published") has all published rows'
    )


def _comparison_tables(kind: str, records: list[Record], options: TableOptions) -> list[Table]:
    from ...results.analysis.quantities import full_name
    from ...results.published.rows import load_published
    from ...results.statistics.bootstrap import Bootstrap
    from ...results.tables.comparison import (
        chosen_tables,
        experts_tables,
        main_tables,
        per_category_tables,
    )
    from ...results.tables.defects import defect_tables
    from ...results.tables.domains import domain_tables
    from ...results.tables.robustness import robustness_tables
    from ...results.tables.thresholds import threshold_tables

    given: dict[str, Any] = {
        "defaults": default_params(records),
        "allow_mixed": options.allow_mixed,
        "common": options.common,
        "bootstrap": Bootstrap() if options.intervals else None,
    }
    if kind == "domains":
        return domain_tables(records, options.metric, **given)
    if kind == "robustness":
        del given["allow_mixed"]
        return robustness_tables(records, options.metric, **given)
    if kind in CHOOSING and options.columns is not None:
        given["columns"] = tuple(dict.fromkeys(map(full_name, options.columns)))
    makers: dict[str, Callable[..., list[Table]]] = {
        "defects": defect_tables,
        "thresholds": threshold_tables,
        "boundaries": functools.partial(chosen_tables, "boundaries"),
        "costs": functools.partial(chosen_tables, "costs"),
    }
    if kind in makers:
        return makers[kind](records, **given)
    given["published"] = load_published() if options.published else None
    compare = {"main": main_tables, "per-category": per_category_tables, "experts": experts_tables}
    return compare[kind](records, **given)


def _row_tables(kind: str, records: list[Record], options: TableOptions) -> list[Table]:
    from ...results.tables.recorded_events import events_tables
    from ...results.tables.shared_runs import assignments_tables, matrix_tables, memory_tables

    defaults = default_params(records)
    if kind == "events":
        return events_tables(records, defaults=defaults)
    if kind == "matrix":
        return matrix_tables(records, options.metric, defaults=defaults)
    make = memory_tables if kind == "memory" else assignments_tables
    return make(records, defaults=defaults)
