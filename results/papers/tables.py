"""A paper's numbers compared with ours: AUROC, forgetting and claims."""

from __future__ import annotations

from collections.abc import Iterator

from ..analysis.quantities import quantity
from ..analysis.repetitions import deviation_notes, spread_over_runs
from ..analysis.rows import SWEPT
from ..counts import format_count
from ..published.groups import FORGETTING, Footnotes, forgetting_cell
from ..rendering.table import Column, Spread, Table, Value, text_column
from .assignment_tables import (
    agreement_table,
    assignment_tables,
    experts_of_run,
    memory_table,
)
from .claims import ClaimResult, Finals, check_claim
from .expert_claims import check_expert_claim, is_about_experts
from .paper import Claim
from .reproduction import Point, Reproduction, Sweep

CANDIDATES = ("bwt", "worst_drop", "expert_forgetting", "expert_worst_drop")
"""Our quantities that the paper's undefined forgetting might be."""


def reproduction_tables(r: Reproduction) -> list[Table]:
    """Return all tables of a reproduction."""
    tables = [auroc_table(r), *categories_table(r), forgetting_table(r)]
    if r.assignment and any(r.assignment.experts in sweep.points for sweep in r.sweeps):
        tables += [memory_table(r, r.assignment), agreement_table(r, r.assignment)]
        tables += assignment_tables(r, r.assignment)
    return [*tables, *claims_tables(r)]


def auroc_table(r: Reproduction) -> Table:
    """Return mean AUROCs after the last experience; the paper's only if ours are comparable."""
    printed = r.printed_with("image_auroc") if r.comparable else {}
    rows: list[tuple[Value, ...]] = []
    for sweep, experts, point in _points(r):
        ours = _spread(point, "acc")
        theirs = printed[experts].value if experts in printed else None
        rows.append(
            (sweep.label, experts, ours, theirs, _difference(ours, theirs), len(point.row.records))
        )
    columns = (
        *_LABELS,
        Column("ours", 4, "higher"),
        Column("paper", 4),
        Column("difference", 4),
        Column("runs"),
    )
    notes = [
        f"AUROC: {quantity('acc').note.partition(': ')[2]}; difference: ours minus the paper's"
    ]
    notes += deviation_notes([point.row for _, _, point in _points(r)])
    row = r.assignment
    if row and not any(row.experts in sweep.points for sweep in r.sweeps):
        count = format_count(row.experts or 0, "expert")
        notes.append(f"no run with {count}: memory and assignments are not compared")
    notes += [*r.notes, f"paper: {r.paper.source}", *r.paper.assumed]
    return Table(f"AUROC: {r.title}", columns, tuple(rows), tuple(notes))


def categories_table(r: Reproduction) -> list[Table]:
    """Return the AUROC of categories for which the paper prints a number."""
    rows: list[tuple[Value, ...]] = []
    for sweep, experts, point in _points(r):
        printed = r.printed_with("image_auroc").get(experts)
        for category, theirs in (printed.by_category if printed else {}).items():
            if category in r.categories:
                ours = point.final(category)
                rows.append(
                    (sweep.label, experts, category, ours, theirs, _difference(ours, theirs))
                )
    if not rows:
        return []
    columns = (
        *_LABELS,
        text_column("category"),
        Column("ours", 4, "higher"),
        Column("paper", 4),
        Column("difference", 4),
    )
    notes = ("the categories whose AUROC the paper prints", *r.notes)
    return [Table(f"AUROC of categories: {r.title}", columns, tuple(rows), notes)]


def forgetting_table(r: Reproduction) -> Table:
    """Return our measures of forgetting and the paper's, which it does not define."""
    printed = r.printed_with("forgetting") if r.comparable else {}
    footnotes = Footnotes()
    rows = [
        (
            sweep.label,
            experts,
            *(_spread(point, name) for name in CANDIDATES),
            forgetting_cell(printed.get(experts), footnotes),
        )
        for sweep, experts, point in _points(r)
    ]
    columns = (*_LABELS, *(quantity(name).column for name in CANDIDATES), Column(FORGETTING, 4))
    notes = (
        *(quantity(name).note for name in CANDIDATES),
        "the paper does not define its forgetting, so there is no difference",
        *r.notes,
        *footnotes.lines,
    )
    return Table(f"Forgetting: {r.title}", columns, tuple(rows), notes)


def claims_tables(r: Reproduction) -> list[Table]:
    """Return the claims of the paper: which reading meets which, and the numbers behind it."""
    found = [[_check(r, sweep, claim) for sweep in r.sweeps] for claim in r.paper.claims]
    rows: list[tuple[Value, ...]] = [
        (sweep.label, claim.text, result.answer, result.evidence)
        for place, sweep in enumerate(r.sweeps)
        for claim, results in zip(r.paper.claims, found, strict=True)
        for result in (results[place],)
    ]
    columns = tuple(text_column(name) for name in ("parameters", "claim", "holds", "ours"))
    notes = ("checked on means over runs, rounded to three digits", *r.notes)
    table = Table(f"Claims: {r.title}", columns, tuple(rows), notes)
    if len(r.sweeps) < 2:
        return [table]
    readings = tuple(text_column(sweep.label) for sweep in r.sweeps)
    summary = tuple(
        (claim.text, *map(_short_answer, results))
        for claim, results in zip(r.paper.claims, found, strict=True)
    )
    head = (text_column("claim"), *readings)
    here = "" if r.complete else "; in brackets: on the categories at hand, which decides nothing"
    notes = (f"?: cannot be said, the table of claims says why{here}", *r.notes)
    return [Table(f"Claims by reading: {r.title}", head, summary, notes), table]


_ANSWERS = {"yes": "yes", "no": "no", "cannot be said": "?"}


def _short_answer(result: ClaimResult) -> str:
    if result.here in ("yes", "no"):
        return f"? ({result.here})"
    return _ANSWERS[result.answer]


def _check(r: Reproduction, sweep: Sweep, claim: Claim) -> ClaimResult:
    if is_about_experts(claim):
        runs = {
            experts: [experts_of_run(r, record) for record in point.row.records]
            for experts, point in sweep.points.items()
            if experts in claim.experts
        }
        return check_expert_claim(claim, runs, complete=r.complete)
    return check_claim(claim, _finals(r, sweep), complete=r.complete)


_LABELS = (text_column("parameters"), Column(SWEPT))


def _points(r: Reproduction) -> Iterator[tuple[Sweep, int, Point]]:
    for sweep in r.sweeps:
        for experts, point in sweep.points.items():
            yield sweep, experts, point


def _spread(point: Point, name: str) -> Spread:
    return spread_over_runs(point.row.records, map(quantity(name).read, point.readings))


def _difference(ours: Spread, theirs: float | None) -> float | None:
    return None if theirs is None else ours.mean - theirs


def _finals(r: Reproduction, sweep: Sweep) -> Finals:
    return {
        experts: {category: point.final(category).mean for category in r.categories}
        for experts, point in sweep.points.items()
    }
