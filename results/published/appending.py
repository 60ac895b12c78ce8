"""Published rows below ours in one table, wherever data, stream and definition are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..analysis.comparison import Comparison
from ..analysis.quantities import quantity
from ..analysis.rows import Row
from ..rendering.table import Column, Table, Value, text_column
from .groups import (
    CHECKED_NOTE,
    FORGETTING,
    Footnotes,
    PublishedGroup,
    describe_checks,
    forgetting_cell,
    group_rows,
    routing_label,
    source_cell,
)
from .rows import NOT_CONTINUAL, PublishedRow

OURS = "this run"
_NONE = "no published rows stand here: "


def append_rows(
    table: Table,
    c: Comparison,
    published: Iterable[PublishedRow],
    names: Sequence[str],
    *,
    swept: bool = False,
) -> Table:
    """`table`, made of `c`, with the published rows of its stream below it.

    names: the quantities that are columns of the table; a published number stands only in the one
    whose definition it has. swept: only rows that say their number of experts. Where no row fits,
    the table is as it was, with a note that says why.
    """
    whole = _whole_streams(c)
    if not whole:
        return _with_note(
            table, f"{_NONE}means here leave categories out that theirs are taken over"
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
        shown = [row for name, row in each.by_quantity.items() if name in names]
        if shown or each.forgetting:
            rows.append(_row(table, each, names, footnotes))
    if not rows:
        return _with_note(
            table,
            f"{_NONE}none has a number that a column here defines alike; `cadbench "
            "table published` prints them",
        )
    return _below(table, rows, c.routing, footnotes, forgetting=True)


def groups_on_stream(c: Comparison, published: Iterable[PublishedRow]) -> list[PublishedGroup]:
    """The published numbers of a stream that rows of `c` run whole, under its routing.

    Those whose source does not state the routing are among them.
    """
    whole = _whole_streams(c)
    return [
        each
        for each in group_rows(published)
        if each.stream in whole and each.first.routing in (c.routing, "not stated")
    ]


def append_category_rows(
    table: Table, c: Comparison, published: Iterable[PublishedRow], categories: Sequence[str]
) -> list[Table]:
    """`table` of R[T, c] with the published rows of its stream, and apart those of no stream."""
    published = list(published)
    streams = {_stream(row) for row in c.rows}
    whole = _whole_streams(c)
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
            and row.routing in (c.routing, "not stated")
        ):
            mean = row.value if (row.dataset, row.schedule) in whole else None
            values = _per_category(table, row, mean, footnotes)
            rows.append((*values, routing_label(row), describe_checks([row])))
    if rows:
        table = _below(table, rows, c.routing, footnotes, forgetting=False)
    else:
        table = _with_note(
            table, f"{_NONE}none gives categories of this dataset, schedule and routing"
        )
    return [table, _not_continual(apart, categories)] if apart else [table]


def _row(
    table: Table, each: PublishedGroup, names: Sequence[str], footnotes: Footnotes
) -> tuple[Value, ...]:
    """`source`, the columns of the table, forgetting, routing, checked."""
    shown = {name: row for name, row in each.by_quantity.items() if name in names}
    values: dict[str, Value] = {
        "method": each.first.method,
        "experts": each.first.experts,
        "protocol": each.first.protocol,
    }
    source = source_cell(each.first, footnotes)
    for name, row in shown.items():
        values[quantity(name).column.name] = footnotes.mark(row.value, row.note)
    forgetting = forgetting_cell(each.forgetting, footnotes)
    checked = describe_checks([*shown.values(), *([each.forgetting] if each.forgetting else [])])
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
    """The table between the columns that tell ours from theirs, and their rows below ours."""
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
            "routing not stated: the source does not say if a test image's category is known"
        )
    said = [column.name for column in table.columns if column.in_title]
    if said:
        notes.append(f"{', '.join(said)}: the heading gives those of our own rows alone")
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
    """`source` and the columns of a per-category table."""
    values: dict[str, Value] = {**row.by_category, "mean": mean}
    values["method"] = footnotes.mark(row.method, row.note)
    source = source_cell(row, footnotes)
    return source, *(values.get(column.name) for column in table.columns)


def _not_continual(rows: Sequence[PublishedRow], categories: Sequence[str]) -> Table:
    """Published AUROCs of the same categories without a stream, in a table of their own."""
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
        "mean: only where it is over the same categories",
        CHECKED_NOTE,
    ]
    title = "Published AUROC per category, not continual"
    return Table(title, columns, tuple(cells), (*notes, *footnotes.lines), len(cells))


def _whole_streams(c: Comparison) -> set[tuple[str, str]]:
    """(dataset, schedule) of the rows whose means are over all categories of their stream."""
    return {
        _stream(row)
        for row, readings in zip(c.rows, c.readings, strict=True)
        if set(readings[0].categories) == set(row.first.categories)
    }


def _stream(row: Row) -> tuple[str, str]:
    """(dataset, schedule); no published row is of a stream with drift or blending."""
    cell = row.first.cell
    changed = " and ".join(name for name in ("drift", "blend") if name in cell)
    return cell["dataset"], cell["schedule"] + (f" with {changed}" if changed else "")


def _why_none(c: Comparison, published: Iterable[PublishedRow], swept: bool) -> str:
    first = c.rows[0].first
    dataset, schedule = _stream(c.rows[0])
    rows = [row for row in published if row.experts is not None or not swept]
    of_data = [row for row in rows if row.dataset == dataset]
    if not of_data:
        known = ", ".join(sorted({row.dataset for row in rows}))
        return f"{_NONE}none is about {dataset} (there are some about {known})"
    schedules = list(dict.fromkeys(row.schedule for row in of_data if row.schedule))
    if schedule not in schedules:
        return (
            f"{_NONE}none has schedule {schedule} (there are {', '.join(schedules)}); a mean over "
            f"{len(first.categories)} categories compares with one over the same alone"
        )
    return f"{_NONE}those of schedule {schedule} have another routing than {c.routing}"


def _with_note(table: Table, note: str) -> Table:
    return replace(table, notes=(*table.notes, note))
