"""Tables that compare methods: one row per configuration, comparable rows only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..analysis.comparable import identity_labels
from ..analysis.comparison import Comparison, comparisons
from ..analysis.joint import is_reference
from ..analysis.quantities import Quantity, Reading, quantity
from ..analysis.rows import (
    Defaults,
    backbone_labels,
    describe_runs,
    experts_of,
    method_labels,
    parameter_labels,
)
from ..metrics.metric import FloatOrArray
from ..published.appending import append_category_rows, append_rows
from ..published.rows import PublishedRow
from ..records.record import Record
from ..records.schema import SEGMENT
from ..rendering.table import Column, Table, Value, text_column
from ..statistics.bootstrap import Bootstrap
from ..statistics.intervals import Estimates
from ..statistics.leader import find_leader
from .hiding import with_hiding_order

MAIN = ("acc", "pixel_auroc.acc", "aupro.acc", "bwt", "fm", "stored_mb")
BOUNDARIES = (
    "boundaries", "boundaries_found", "boundaries_missed", "false_switches", "boundary_delay",
    "acc", "routing_accuracy",
)  # fmt: skip
COSTS = (
    "parameters_trained", "parameters_stored", "network_mb", "other_mb", "process_mb", "gpu_mb",
    "update_seconds", "update_joules",
)  # fmt: skip
TIMED = ("update_seconds", "ms_per_image")
INFERRED = ("pooled_auroc", "routing_accuracy")
EXPERTS = (
    "acc", "bwt", "fm", "worst_drop", "expert_forgetting", "expert_worst_drop",
    "stored_vectors", "utilization",
)  # fmt: skip


def main_tables(
    records: Iterable[Record],
    *,
    columns: Sequence[str] | None = None,
    usual: Sequence[str] = MAIN,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    published: Sequence[PublishedRow] | None = None,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """One table per routing, protocol and dataset, with one row per configuration.

    Values are means and deviations over the runs of a configuration.

    Args:
        records: the records to compare.
        columns: names of `analysis.quantities`. If empty: `usual`, plus INFERRED under inferred
            routing and TIMED if some run was timed; of these, columns that no row defines are not
            printed.
        usual: the default columns.
        defaults: default parameters by method name; parameters that differ are printed.
        allow_mixed: one table of all rows, those that are not comparable labeled.
        common: keep every row, with the runs that all rows share.
        published: published rows. Those of the same stream are quoted below the measured rows; if
            there are none, a note says why.
        bootstrap: adds an interval to every measured mean.

    Raises:
        UsageError: the rows are not comparable and `allow_mixed` is False.
    """
    tables = []
    for c in comparisons(records, allow_mixed=allow_mixed, common=common):
        timed = any("timing" in record.run for row in c.rows for record in row.records)
        names = columns or (*usual, *INFERRED * (c.routing == "inferred"), *TIMED * timed)
        table = quantity_table("Results: ", c, _quantities(names), defaults, bootstrap=bootstrap)
        if published is not None:
            table = append_rows(table, c, published, names)
        if (
            "acc" in names
            and not c.mixed_runs
            and not c.mixed_data
            and (found := find_leader(c.rows))
        ):
            table = replace(table, close=found.close, close_note=found.note)
        tables.append(table if columns else _optional(table, names))
    return tables


def chosen_tables(
    kind: str,
    records: Iterable[Record],
    *,
    columns: Sequence[str] | None = None,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """The tables `boundaries` and `costs`, without columns that no row defines. See `main_tables`.

    Records of methods that find no boundaries, or of releases that measured no costs, have none.
    """
    heading, names = ("Boundaries: ", BOUNDARIES) if kind == "boundaries" else ("Costs: ", COSTS)
    kept = [
        record
        for record in records
        if ("costs" in record.run if kind == "costs" else SEGMENT in set(record.events["kind"]))
    ]
    chosen = _quantities(columns or names)
    tables = []
    for c in comparisons(kept, allow_mixed=allow_mixed, common=common):
        table = quantity_table(heading, c, chosen, defaults, bootstrap=bootstrap)
        tables.append(table if columns else _optional(table, names))
    return tables


def experts_tables(
    records: Iterable[Record],
    *,
    columns: Sequence[str] | None = None,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    published: Sequence[PublishedRow] | None = None,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """The sweep over the number of experts: rows with an integer `experts`. See `main_tables`."""
    swept = [record for record in records if experts_of(record) is not None]
    names = columns or EXPERTS
    tables = []
    for c in comparisons(swept, allow_mixed=allow_mixed, common=common):
        table = quantity_table(
            "Number of experts: ", c, _quantities(names), defaults, "experts", bootstrap
        )
        if published is not None:
            table = append_rows(table, c, published, names, swept=True)
        headings = [quantity(name).column.name for name in names]
        tables.append(replace(table, columns=with_hiding_order(table.columns, headings)))
    return tables


def per_category_tables(
    records: Iterable[Record],
    *,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    published: Sequence[PublishedRow] | None = None,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """R[T, c] of every category, and the mean over those that every row defines. See
    `main_tables`.
    """
    tables = []
    for c in comparisons(records, allow_mixed=allow_mixed, common=common):
        names = sorted({category for row in c.rows for category in row.first.categories})
        estimates = Estimates(bootstrap)
        rows = []
        for row, labels, readings in zip(c.rows, _labels(c, defaults), c.readings, strict=True):
            whole = [Reading(record, tuple(record.categories)) for record in row.records]
            final = estimates.of(names, [_final(name) for name in names], whole)
            mean = estimates.of(["mean"], [quantity("acc").read], readings)
            rows.append((*labels, *final, *mean))
        columns = [Column(name, 3, "higher") for name in [*names, "mean"]]
        notes = (
            "AUROC of each category after the last experience, R[T, c]",
            *c.notes(),
            *estimates.notes(c.rows),
        )
        heading = (*_label_columns(c), *columns)
        title = f"Per category: {c.title}"
        table = Table(title, heading, tuple(rows), notes, unranked=_bounds(c))
        if published is None:
            tables.append(table)
        else:
            tables += append_category_rows(table, c, published, names)
    return tables


def quantity_table(
    heading: str,
    c: Comparison,
    quantities: Mapping[str, Quantity],
    defaults: Defaults | None,
    first: str | None = None,
    bootstrap: Bootstrap | None = None,
) -> Table:
    """Build a table with one row per configuration and one column per quantity.

    Args:
        heading: text in front of the title.
        c: the rows.
        quantities: name -> quantity, possibly with another heading or without its note.
        defaults: default parameters by method name; parameters that differ are printed.
        first: a parameter that gets the first column.
        bootstrap: adds an interval to every mean.
    """
    chosen = list(quantities.values())
    headings, reads = [each.column.name for each in chosen], [each.read for each in chosen]
    estimates = Estimates(bootstrap)
    rows: list[tuple[Value, ...]] = []
    labels = _labels(c, defaults, hidden=(first,) if first else ())
    for row, label, readings in zip(c.rows, labels, c.readings, strict=True):
        swept = (row.first.params[first],) if first else ()
        found = estimates.of(headings, reads, readings)
        rows.append((*swept, *label, *found, len(row.seeds), len(row.orders)))
    columns = (
        *((Column(first),) if first else ()),
        *_label_columns(c),
        *(each.column for each in chosen),
        Column("seeds", in_title=True),
        Column("orders", in_title=True),
    )
    notes = [each.note for each in chosen if each.note]
    notes += [*c.notes(quantities), *estimates.notes(c.rows)]
    title = heading + c.title
    return Table(title, columns, tuple(rows), tuple(notes), unranked=_bounds(c))


def _quantities(names: Iterable[str]) -> dict[str, Quantity]:
    return {name: quantity(name) for name in names}


def _optional(table: Table, names: Sequence[str]) -> Table:
    """Mark default columns as optional: they are left out if no row defines them or space lacks."""
    headings = [quantity(name).column.name for name in names]
    columns = [replace(each, optional=each.name in headings) for each in table.columns]
    return replace(table, columns=with_hiding_order(columns, headings))


def _bounds(c: Comparison) -> tuple[int, ...]:
    """Indices of the rows that are references (joint), not competitors."""
    return tuple(place for place, row in enumerate(c.rows) if is_reference(row))


def _final(category: str) -> Callable[[Reading], FloatOrArray]:
    """Return a function that reads R[T, c] of a category; NaN if the run does not have it."""

    def read(reading: Reading) -> FloatOrArray:
        if category not in reading.categories:
            return math.nan
        R, _ = reading.matrix()
        final: FloatOrArray = R[..., -1, reading.categories.index(category)]
        return final

    return read


def _label_columns(c: Comparison) -> tuple[Column, ...]:
    labels = [text_column(name) for name in ("method", "parameters")]
    labels.append(Column("backbone", numeric=False, in_title=not c.mixed_backbones))
    names = ["protocol", "data"] * c.mixed_data + ["settings"] * any(identity_labels(c.rows))
    names += ["runs"] * c.mixed_runs
    return (*labels, *map(text_column, names))


def _labels(
    c: Comparison, defaults: Defaults | None, hidden: Sequence[str] = ()
) -> list[tuple[Value, ...]]:
    columns: list[list[str]] = [
        method_labels(c.rows),
        parameter_labels(c.rows, defaults, hidden),
        backbone_labels(c.rows),
    ]
    if c.mixed_data:
        columns += [[row.data[0] for row in c.rows], [row.data[1][:8] for row in c.rows]]
    if any(identity_labels(c.rows)):
        columns.append(identity_labels(c.rows))
    if c.mixed_runs:
        columns.append([describe_runs(row) for row in c.rows])
    return list(zip(*columns, strict=True))
