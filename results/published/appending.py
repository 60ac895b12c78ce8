"""Appends published rows to a table of ours if dataset, stream and definition are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..analysis.comparison import Comparison
from ..analysis.quantities import quantity
from ..analysis.rows import Row
from ..counts import format_count
from ..records.schema import STREAM_OPTIONS
from ..rendering.table import Column, Table, Value, text_column
from .groups import (
    CHECKED_NOTE,
    FORGETTING,
    Footnotes,
    PublishedGroup,
    describe_checks,
    forgetting_cell,
    group_rows,
    number_cell,
    routing_label,
    source_cell,
)
from .rows import NOT_CONTINUAL, PublishedRow, covers_dataset

OURS = "this run"
_NONE = "no published rows: "


def append_rows(
    table: Table,
    c: Comparison,
    published: Iterable[PublishedRow],
    names: Sequence[str],
    *,
    swept: bool = False,
) -> Table:
    """Return the table with the published rows of its stream below.

    Args:
        table: the table made of `c`.
        c: our rows.
        published: all published rows.
        names: the quantities in the columns; a number goes only into a column with its definition.
        swept: use only rows that state their number of experts.

    Returns:
        The table with rows added. If no published row fits, the table with a note that says why.
    """
    complete = _complete_streams(c)
    if not complete:
        return _with_note(
            table, f"{_NONE}our means leave out categories that the published means include"
        )
    found = [
        each
        for each in groups_on_stream(c, published)
        if each.first.experts is not None or not swept
    ]
    if not found:
        return _with_note(table, _why_none(c, published, swept))
    footnotes = Footnotes()
    rows = []
    for each in found:
        fitting = [row for name, row in each.by_quantity.items() if name in names]
        if fitting or each.forgetting:
            rows.append(_row(table, each, names, footnotes))
    if not rows:
        return _with_note(
            table,
            f"{_NONE}none has a number with the definition of a column here; `cadbench "
            "table published` shows them",
        )
    return _below(table, rows, c.routing, footnotes, forgetting=True)


def groups_on_stream(c: Comparison, published: Iterable[PublishedRow]) -> list[PublishedGroup]:
    """Return the published groups of the streams whose categories `c` covers completely.

    Groups with another routing are left out; those that state no routing are included.
    """
    complete = _complete_streams(c)
    return [
        each
        for each in group_rows(published)
        if each.stream in complete
        and covers_dataset(each.first)
        and each.first.routing in (c.routing, "not stated")
    ]


def append_category_rows(
    table: Table, c: Comparison, published: Iterable[PublishedRow], categories: Sequence[str]
) -> list[Table]:
    """Return a table of R[T, c] with published rows, and a second table of non-continual rows."""
    published = list(published)
    streams = {_stream(row) for row in c.rows}
    complete = _complete_streams(c)
    datasets = {dataset for dataset, _ in streams}
    footnotes = Footnotes()
    rows, apart = [], []
    for row in published:
        if row.metric != "image_auroc" or not set(categories) & row.by_category.keys():
            continue
        if row.acc_definition == NOT_CONTINUAL and row.dataset in datasets:
            apart.append(row)
        elif (
            row.acc_definition == "acc"
            and (row.dataset, row.schedule) in streams
            and covers_dataset(row)
            and row.routing in (c.routing, "not stated")
        ):
            mean = row.value if (row.dataset, row.schedule) in complete else None
            values = _per_category(table, row, mean, footnotes)
            rows.append((*values, routing_label(row), describe_checks([row])))
    if rows:
        table = _below(table, rows, c.routing, footnotes, forgetting=False)
    else:
        table = _with_note(
            table, f"{_NONE}none has numbers per category for this dataset, schedule and routing"
        )
    return [table, _not_continual(apart, categories)] if apart else [table]


def _row(
    table: Table, each: PublishedGroup, names: Sequence[str], footnotes: Footnotes
) -> tuple[Value, ...]:
    """Return a row: source, the columns of the table, forgetting, routing, checked."""
    fitting = {name: row for name, row in each.by_quantity.items() if name in names}
    values: dict[str, Value] = {
        "method": each.first.method,
        "experts": each.first.experts,
        "protocol": each.first.protocol,
    }
    source = source_cell(each.first, footnotes)
    for name, row in fitting.items():
        values[quantity(name).column.name] = number_cell(row, footnotes)
    forgetting = forgetting_cell(each.forgetting, footnotes)
    checked = describe_checks([*fitting.values(), *([each.forgetting] if each.forgetting else [])])
    cells = (values.get(column.name) for column in table.columns)
    return source, *cells, forgetting, routing_label(each.first), checked


def _below(
    table: Table,
    rows: Sequence[tuple[Value, ...]],
    routing: str,
    footnotes: Footnotes,
    *,
    forgetting: bool,
) -> Table:
    """Add the columns that separate our rows from published ones, and the published rows."""
    printed = [Column(FORGETTING, 3)] * forgetting
    columns = (
        text_column("source"),
        *table.columns,
        *printed,
        text_column("routing"),
        text_column("checked"),
    )
    blank = [None] * forgetting
    ours = [(OURS, *row, *blank, routing, None) for row in table.rows]
    notes = [*table.notes, CHECKED_NOTE]
    if forgetting:
        notes.append(f"{FORGETTING} is what each source prints, by its own definition")
    if any("not stated" in row for row in rows):
        notes.append(
            "routing not stated: the source does not say whether the category of an image is known"
        )
    in_title = [column.name for column in table.columns if column.in_title]
    if in_title:
        notes.append(f"{', '.join(in_title)}: the heading is about our own rows only")
    return Table(
        table.title,
        columns,
        (*ours, *rows),
        (*notes, *footnotes.lines),
        len(rows),
        table.unranked,
    )


def _per_category(
    table: Table, row: PublishedRow, mean: float | None, footnotes: Footnotes
) -> tuple[Value, ...]:
    """Return a row: source, then the columns of a table per category."""
    values: dict[str, Value] = {**row.by_category, "mean": mean}
    values["method"] = footnotes.mark(row.method, row.note, row.why)
    source = source_cell(row, footnotes)
    return source, *(values.get(column.name) for column in table.columns)


def _not_continual(rows: Sequence[PublishedRow], categories: Sequence[str]) -> Table:
    """Return a table of published AUROCs of the same categories without a stream."""
    footnotes = Footnotes()
    numbers = [Column(name, 3, "higher") for name in [*categories, "mean"]]
    inner = Table("", (text_column("method"), text_column("protocol"), *numbers), ())
    cells: list[tuple[Value, ...]] = []
    for row in rows:
        mean = row.value if row.by_category.keys() == set(categories) else None
        source, method, _, *rest = _per_category(inner, row, mean, footnotes)
        cells.append((source, method, row.protocol, *rest, describe_checks([row])))
    columns = (text_column("source"), *inner.columns, text_column("checked"))
    notes = [
        "not continual: nothing is learned after these categories, so this is not R[T, c]",
        "mean: only if it is over the same categories",
        CHECKED_NOTE,
    ]
    title = "Published AUROC per category, not continual"
    return Table(title, columns, tuple(cells), (*notes, *footnotes.lines), len(cells))


def _complete_streams(c: Comparison) -> set[tuple[str, str]]:
    """Return (dataset, schedule) of the rows whose means cover all categories of their stream."""
    return {
        _stream(row)
        for row, readings in zip(c.rows, c.readings, strict=True)
        if set(readings[0].categories) == set(row.first.categories)
    }


def _stream(row: Row) -> tuple[str, str]:
    """Return (dataset, schedule); drift and the like are part of it: no published row has any."""
    cell = row.first.cell
    changed = " and ".join(name for name in STREAM_OPTIONS if name in cell)
    return cell["dataset"], cell["schedule"] + (f" with {changed}" if changed else "")


def _why_none(c: Comparison, published: Iterable[PublishedRow], swept: bool) -> str:
    first = c.rows[0].first
    dataset, schedule = _stream(c.rows[0])
    rows = [row for row in published if row.experts is not None or not swept]
    of_data = [row for row in rows if row.dataset == dataset]
    if not of_data:
        known = ", ".join(sorted({row.dataset for row in rows}))
        return f"{_NONE}none is about {dataset} (only about {known})"
    schedules = list(dict.fromkeys(row.schedule for row in of_data if row.schedule))
    if schedule not in schedules:
        return (
            f"{_NONE}none has schedule {schedule} (only {', '.join(schedules)}); a mean over "
            f"{format_count(len(first.categories), 'category')} compares only with one over the "
            "same categories"
        )
    return f"{_NONE}those of schedule {schedule} have a routing other than {c.routing}"


def _with_note(table: Table, note: str) -> Table:
    return replace(table, notes=(*table.notes, note))
