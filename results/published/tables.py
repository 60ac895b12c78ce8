"""Tables of published rows: claims, then numbers without a stream, categories and experts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..analysis.rows import Defaults
from ..records.record import Record
from ..rendering.table import Column, Table, Value, text_column
from .claims_table import claims_tables
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
from .rows import NOT_CONTINUAL, PublishedRow
from .tiers import TIERS, forgetting_caveat, tier_of


def published_tables(
    rows: Iterable[PublishedRow],
    records: Sequence[Record] = (),
    *,
    defaults: Defaults | None = None,
) -> list[Table]:
    """Return tables of claims per definition, of other means, and of categories and experts.

    Args:
        rows: published rows.
        records: our records, to which claims are compared; none are needed.
        defaults: default parameters by method name.
    """
    rows = list(rows)
    tables = claims_tables(rows, records, defaults=defaults)
    apart: dict[str, list[PublishedGroup]] = {}
    for each in group_rows(rows):
        if not each.first.schedule:
            apart.setdefault(each.first.dataset, []).append(each)
    tables += [_stream_table(dataset, "", found) for dataset, found in apart.items()]
    by_definition: dict[tuple[str, str, str], list[PublishedRow]] = {}
    for row in rows:
        if row.by_category:
            definition = row.dataset, row.metric, row.acc_definition
            by_definition.setdefault(definition, []).append(row)
    tables += [_categories_table(*key, found) for key, found in by_definition.items()]
    return tables + [_experts_table(row) for row in rows if row.assignment]


def tiered_tables(rows: Iterable[PublishedRow]) -> list[Table]:
    """Return tables of means per dataset, schedule and routing; each row names its tier."""
    groups: dict[tuple[str, str, str], list[PublishedGroup]] = {}
    for each in group_rows(rows):
        groups.setdefault((*each.stream, routing_label(each.first)), []).append(each)
    return [
        replace(
            _stream_table(dataset, schedule, found, tiers=True),
            title=f"{dataset}, {schedule or NOT_CONTINUAL}{_routing_of(routing)}",
        )
        for (dataset, schedule, routing), found in groups.items()
    ]


def _stream_table(
    dataset: str, schedule: str, found: Sequence[PublishedGroup], *, tiers: bool = False
) -> Table:
    """Return the numbers of one stream, one column per metric and definition.

    Args:
        dataset: our name of the dataset.
        schedule: resolved schedule; empty if the numbers are not continual.
        found: the groups of the stream.
        tiers: show the tier in the last column instead of how the numbers were checked.
    """
    footnotes = Footnotes()
    definitions = list(
        dict.fromkeys(
            (row.metric, row.acc_definition)
            for each in found
            for row in each.rows
            if row.acc_definition
        )
    )
    printed = list(
        dict.fromkeys(row.of for each in found for row in each.rows if row.metric == "forgetting")
    )
    cells: list[tuple[Value, ...]] = []
    for each in found:
        values = {(row.metric, row.acc_definition): row for row in each.rows if row.acc_definition}
        source = source_cell(each.first, footnotes)
        numbers = [number_cell(values.get(definition), footnotes) for definition in definitions]
        losses = [each.forgetting_of(metric) for metric in printed]
        with_numbers = [*values.values(), *(loss for loss in losses if loss)]
        if not with_numbers:
            continue
        caveat = forgetting_caveat(each, tier_of(with_numbers)) if tiers else ""
        forgetting = [forgetting_cell(loss, footnotes, caveat) for loss in losses]
        cells.append(
            (
                source,
                each.first.method,
                each.first.protocol,
                *numbers,
                *forgetting,
                routing_label(each.first),
                tier_of(with_numbers) if tiers else describe_checks(with_numbers),
            )
        )
    columns = (
        *(text_column(name) for name in ("source", "method", "protocol")),
        *(Column(_heading(*definition), 3, "higher") for definition in definitions),
        *(Column(_forgetting_heading(metric), 3) for metric in printed),
        *(text_column(name) for name in ("routing", "tier" if tiers else "checked")),
    )
    notes = [] if tiers else [CHECKED_NOTE]
    if printed:
        notes.append(f"{FORGETTING} is what each source prints, by its own definition")
    if tiers:
        cells.sort(key=lambda row: list(TIERS).index(str(row[-1])))
    title = f"Published: {dataset}, {schedule or NOT_CONTINUAL}"
    return Table(title, columns, tuple(cells), (*notes, *footnotes.lines), len(cells))


def _categories_table(dataset: str, metric: str, mean: str, rows: Sequence[PublishedRow]) -> Table:
    """Return the values per category of rows with one definition."""
    footnotes = Footnotes()
    names = sorted({name for row in rows for name in row.by_category})
    cells = [
        (
            source_cell(row, footnotes),
            footnotes.mark(row.method, row.note, row.why),
            row.protocol,
            *(row.by_category.get(name) for name in names),
            describe_checks([row]),
        )
        for row in rows
    ]
    columns = (
        *(text_column(name) for name in ("source", "method", "protocol")),
        *(Column(name, 3, "higher") for name in names),
        text_column("checked"),
    )
    title = f"Published {metric} per category: {dataset}, {mean}"
    return Table(title, columns, tuple(cells), (CHECKED_NOTE, *footnotes.lines), len(cells))


def _experts_table(row: PublishedRow) -> Table:
    """Return the categories and the memory utilization that a source prints per expert."""
    cells = tuple(
        (expert, ", ".join(categories), _percent(row.by_expert.get(expert)))
        for expert, categories in row.assignment.items()
    )
    columns = (text_column("expert"), text_column("categories"), Column("utilization %", 2))
    notes = (CHECKED_NOTE, f"checked: {describe_checks([row])}; {row.source}")
    title = f"Published assignment: {row.method}, {row.protocol}"
    return Table(title, columns, cells, notes, len(cells))


def _forgetting_heading(metric: str) -> str:
    return FORGETTING if metric == "image_auroc" else f"{FORGETTING} of {metric}"


def _heading(metric: str, definition: str) -> str:
    """Return `image_auroc acc`, or the metric alone if there is no stream."""
    return metric if definition == NOT_CONTINUAL else f"{metric} {definition}"


def _routing_of(word: str) -> str:
    if not word:
        return ""
    return f", routing {word}" if word == "not stated" else f", {word} routing"


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100
