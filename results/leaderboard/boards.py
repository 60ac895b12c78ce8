"""The leaderboard: one board per protocol, dataset and routing, rows in tiers, best first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..analysis.comparable import identity_labels
from ..analysis.comparison import Comparison, compare
from ..analysis.joint import is_reference
from ..analysis.quantities import quantity
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import (
    Defaults,
    backbone_labels,
    by_routing,
    method_labels,
    number_ranges,
    parameter_labels,
    rows_of,
)
from ..published.appending import groups_on_stream
from ..published.claims_table import claims_tables
from ..published.groups import (
    FORGETTING,
    Footnotes,
    PublishedGroup,
    forgetting_cell,
    number_cell,
    routing_label,
    source_cell,
)
from ..published.rows import PublishedRow
from ..published.tiers import REPRODUCED, TIERS, forgetting_caveat, tier_of
from ..records.record import Record
from ..rendering.table import Column, Table, Value, text_column
from ..tables.hiding import with_hiding_order
from ..tables.sorting import sort_rows

QUANTITIES = ("acc", "bwt", "fm", "gap_to_joint", "stored_mb")


@dataclass(frozen=True)
class Board:
    """Rows that may be ranked together, and the published numbers of the same stream.

    Attributes:
        labels: method, parameters and backbone of each row.
    """

    title: str
    comparison: Comparison
    labels: tuple[tuple[str, str, str], ...]
    quoted: tuple[PublishedGroup, ...]


def leaderboard(
    records: Iterable[Record],
    *,
    sort: str = "acc",
    defaults: Defaults | None = None,
    published: Iterable[PublishedRow] = (),
) -> list[Table]:
    """One table per board, with one row per configuration, best by `sort` first; then the claims.

    Rows with other seeds or orders are in the same table, with both as columns; rows of another
    protocol, manifest or routing are in another table. Published rows of the same stream follow, by
    tier, and are never ranked with measured ones. Published claims on the same streams have tables
    of their own, with a status in each line.

    Args:
        records: the records.
        sort: a name of `analysis.quantities`; `-` in front ranks from worst to best.
        defaults: default parameters by method name.
        published: published rows.
    """
    records, published = list(records), list(published)
    tables = []
    for board in boards(records, defaults=defaults, published=published):
        notes = [quantity(name).note for name in quantity_names(sort)]
        table = board_table(board, sort)
        notes += [f"{tier}: {meaning}" for tier, meaning in TIERS.items()] * bool(board.quoted)
        notes += [*table.notes, "records: the beginning of each run's key"]
        tables.append(replace(table, notes=tuple(notes)))
    streams = {(record.cell["dataset"], record.cell["schedule"]) for record in records}
    return tables + claims_tables(published, records, defaults=defaults, streams=streams)


def boards(
    records: Iterable[Record],
    *,
    defaults: Defaults | None = None,
    published: Iterable[PublishedRow] = (),
) -> list[Board]:
    """One board per protocol id, settings of that id, manifest and routing."""
    published = list(published)
    found = []
    for routing, of_routing in by_routing(records).items():
        rows = rows_of(of_routing)
        meanings = dict(zip((row.data for row in rows), identity_labels(rows), strict=True))
        for data, meaning in sorted(meanings.items()):
            comparison = compare(routing, [row for row in rows if row.data == data])
            title = f"{data[0]}, {routing} routing, data {data[1][:8]}"
            title += f", {meaning}" * bool(meaning)
            labels = zip(
                method_labels(comparison.rows),
                parameter_labels(comparison.rows, defaults),
                backbone_labels(comparison.rows),
                strict=True,
            )
            quoted = tuple(groups_on_stream(comparison, published))
            found.append(Board(title, comparison, tuple(labels), quoted))
    return found


def quantity_names(sort: str) -> tuple[str, ...]:
    """Name the quantities in the columns of a leaderboard that is sorted by `sort`."""
    return tuple(dict.fromkeys((*QUANTITIES, sort.removeprefix("-"))))


def board_table(board: Board, sort: str) -> Table:
    """Make the table of one board. Its notes are about this board, not about columns and tiers."""
    names = quantity_names(sort)
    chosen = [quantity(name) for name in names]
    c, by = board.comparison, quantity(sort.removeprefix("-")).column.name
    reverse = sort.startswith("-")
    ours: list[tuple[Value, ...]] = []
    for row, label, readings in zip(c.rows, board.labels, c.readings, strict=True):
        cells = [spread_over_runs(row.records, map(each.read, readings)) for each in chosen]
        keys = ", ".join(record.key[:8] for record in row.records)
        runs = number_ranges(row.seeds), ", ".join(row.orders), keys
        ours.append((REPRODUCED, *label, *cells, *runs))
    bounds = tuple(number for number, row in enumerate(c.rows) if is_reference(row))
    columns = (
        *(text_column(name) for name in ("tier", "method", "parameters", "backbone")),
        *(each.column for each in chosen),
        *(text_column(name) for name in ("seeds", "orders", "records")),
    )
    headings = dict.fromkeys((by, *(each.column.name for each in chosen)))
    columns = with_hiding_order(columns, list(headings))
    footnotes = Footnotes()
    found = (_quoted_row(each, names, footnotes) for each in board.quoted)
    theirs = [each for each in found if each is not None]
    notes = c.notes(names)
    if theirs:
        more = (Column(FORGETTING, 3), *map(text_column, ("printed routing", "source")))
        columns = (*columns, *more)
        ours = [(*row, None, None, None) for row in ours]
        theirs = list(sort_rows(Table("", columns, tuple(theirs)), by, reverse=reverse).rows)
        theirs.sort(key=lambda row: list(TIERS).index(str(row[0])))
        described = f"{FORGETTING} is what each source prints, by its own definition"
        notes = (*notes, described, *footnotes.lines)
    table = Table(board.title, columns, (*ours, *theirs), notes, len(theirs), bounds)
    return sort_rows(table, by, reverse=reverse)


def _quoted_row(
    each: PublishedGroup, names: Sequence[str], footnotes: Footnotes
) -> tuple[Value, ...] | None:
    """Return a row for published numbers, or None if no column of the table fits them."""
    numbers = {name: row for name, row in each.by_quantity.items() if name in names}
    forgetting = [each.forgetting] if each.forgetting else []
    if not numbers and not forgetting:
        return None
    tier = tier_of([*numbers.values(), *forgetting])
    source = source_cell(each.first, footnotes)
    cells = [number_cell(numbers.get(name), footnotes) for name in names]
    printed = forgetting_cell(each.forgetting, footnotes, forgetting_caveat(each, tier))
    routing = routing_label(each.first)
    blank = (None, None, None)
    return tier, each.first.method, None, None, *cells, *blank, printed, routing, source
