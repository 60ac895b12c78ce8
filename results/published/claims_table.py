"""Tables of claims: claim, ours and the numbers of others in one line, one table a definition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..analysis.rows import Defaults
from ..records.record import Record
from ..rendering.table import Column, Table, Value, text_column
from .claim_status import STATUS_NOTE, Status, status_of
from .claims import Claim, Definition, claims_of
from .groups import CHECKED_NOTE, FORGETTING, Footnotes, describe_checks, forgetting_cell
from .reproductions import find_reproduction
from .rows import PublishedRow

OTHERS = "others"
"""Heading of the numbers that people other than the method's authors print."""

_NOTES = (
    "claim: what the method's authors print; others: re-runs and quotations by others; ours: the "
    "mean of our runs of the same stream, routing and definition",
    STATUS_NOTE,
)


def claims_tables(
    published: Iterable[PublishedRow],
    records: Sequence[Record] = (),
    *,
    defaults: Defaults | None = None,
    streams: Collection[tuple[str, str]] | None = None,
    definitions: Collection[Definition] | None = None,
) -> list[Table]:
    """Return one table per stream and definition, with one line per claim.

    Args:
        published: published rows.
        records: our records; none are needed.
        defaults: default parameters by method name.
        streams: (dataset, schedule) of the streams to show; None for all.
        definitions: the definitions to show; None for all.
    """
    return [
        _table(definition, claims, records, defaults)
        for definition, claims in claims_of(published).items()
        if (streams is None or definition[:2] in streams)
        and (definitions is None or definition in definitions)
    ]


def _table(
    definition: Definition,
    claims: Sequence[Claim],
    records: Sequence[Record],
    defaults: Defaults | None,
) -> Table:
    dataset, schedule, metric, mean = definition
    footnotes = Footnotes()
    rows: list[tuple[Value, ...]] = []
    for claim in claims:
        found = find_reproduction(claim, records, defaults)
        status = status_of(claim, records, found)
        rows.append(
            (
                claim.first.method,
                _claim_cell(claim, footnotes),
                None if found is None else found.value,
                _others_cell(claim, footnotes),
                _status_cell(claim, status, footnotes),
                forgetting_cell(claim.forgetting, footnotes),
                claim.first.routing,
                claim.first.backbone or None,
                describe_checks([claim.first]),
                footnotes.mark(claim.first.source, *claim.first.source_notes),
            )
        )
    columns = (
        text_column("method"),
        Column("claim", 3),
        Column("ours", 3),
        text_column(OTHERS),
        text_column("status"),
        Column(FORGETTING, 3, optional=True, hide=5),
        Column("routing", numeric=False, hide=4),
        Column("backbone", numeric=False, hide=3),
        Column("checked", numeric=False, hide=2),
        Column("source", numeric=False, hide=1),
    )
    notes = [*_NOTES, CHECKED_NOTE]
    if any(claim.forgetting for claim in claims):
        notes.append(f"{FORGETTING} is what each source prints, by its own definition")
    title = f"Claims: {dataset}, {schedule}, {metric} {mean}"
    return Table(title, columns, tuple(rows), (*notes, *footnotes.lines), len(rows))


def _claim_cell(claim: Claim, footnotes: Footnotes) -> Value:
    if claim.authors is None:
        return None
    return footnotes.mark(claim.authors.value, claim.authors.note)


def _others_cell(claim: Claim, footnotes: Footnotes) -> Value:
    if not claim.others:
        return None
    numbers = ", ".join(f"{row.value:.3f}" for row in claim.others)
    notes = [text for row in claim.others for text in (f"printed by {row.source}", row.note)]
    return footnotes.mark(numbers, *dict.fromkeys(notes))


def _status_cell(claim: Claim, status: Status, footnotes: Footnotes) -> Value:
    """Return the status with its reason, and numbers of others by other definitions."""
    elsewhere = [
        f"{row.source} prints {row.value:.3f} ({row.acc_definition})" for row in claim.elsewhere
    ]
    return footnotes.mark(status.word, status.reason, *elsewhere)
