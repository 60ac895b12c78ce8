"""A paper's experts compared with ours: memory, assignment, and agreement."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..analysis.quantities import Reading
from ..counts import format_count
from ..published.groups import FORGETTING
from ..published.rows import PublishedRow
from ..records.record import Record
from ..records.schema import UTILIZATION
from ..rendering.table import Column, Table, Value, text_column
from ..statistics.agreement import agreement, best_matching
from .expert_claims import ExpertsOfRun
from .reproduction import Reproduction, Sweep, assignment_of, printed_assignment


def memory_table(r: Reproduction, printed: PublishedRow) -> Table:
    """Return utilization and forgetting per expert, each of theirs matched to one of ours."""
    rows = [
        (sweep.label, *row)
        for sweep, record in _first_runs(r, printed)
        for row in _expert_rows(r, record, printed)
    ]
    columns = (
        text_column("parameters"),
        Column("paper's expert"),
        Column("its categories"),
        Column("its utilization %", 2),
        Column(FORGETTING, 4),
        Column("our expert"),
        Column("our categories"),
        Column("our utilization %", 2),
        Column("difference", 2),
        Column("our mean change", 4),
        Column("our worst change", 4),
    )
    notes = [
        "each of their experts is matched to one of ours so that most categories are shared",
        "utilization: buffered vectors over the budget; difference: ours minus the paper's",
        "change: R[T, c] - R[s(c), c] over the expert's categories; the paper does not define its "
        "forgetting",
    ]
    if not r.comparable:
        notes.append("the paper's columns cover all its categories, so there is no difference")
    title = f"Memory at {_experts(printed)}: {r.title}"
    return Table(title, columns, tuple(rows), (*notes, *r.notes))


def agreement_table(r: Reproduction, printed: PublishedRow) -> Table:
    """Return the agreement of the assignments per run, over the categories of both."""
    rows: list[tuple[Value, ...]] = []
    for sweep in r.sweeps:
        point = sweep.points.get(printed.experts or 0)
        for record in point.row.records if point else ():
            ours = assignment_of(record)
            found = agreement(ours, printed_assignment(printed, ours))
            rows.append(
                (
                    sweep.label,
                    record.seed,
                    found.rand,
                    found.together,
                    found.apart,
                    found.pairs,
                    found.matched,
                    found.categories,
                )
            )
    columns = (
        text_column("parameters"),
        Column("seed"),
        Column("adjusted Rand index", 4, "higher"),
        Column("pairs together in both"),
        Column("pairs apart in both"),
        Column("pairs"),
        Column("categories in the matching expert"),
        Column("categories"),
    )
    notes = (
        "adjusted Rand index: 1 for the same groups, about 0 for chance",
        "matching: each of their experts is matched to one of ours so that most categories agree",
        *r.notes,
    )
    title = f"Agreement of the assignments at {_experts(printed)}: {r.title}"
    return Table(title, columns, tuple(rows), notes)


def assignment_tables(r: Reproduction, printed: PublishedRow) -> list[Table]:
    """Return the expert of each category, theirs and ours; one table per sweep."""
    tables = []
    columns = (
        text_column("category"),
        Column("paper's expert"),
        Column("our expert"),
        Column("matches"),
        text_column("agree"),
    )
    for sweep, record in _first_runs(r, printed):
        ours = assignment_of(record)
        theirs = printed_assignment(printed, ours)
        matches = {mine: their for their, mine in best_matching(ours, theirs).items()}
        rows = tuple(
            (
                category,
                theirs.get(category),
                expert,
                matches.get(expert),
                "yes" if matches.get(expert) == theirs.get(category) else "no",
            )
            for category, expert in ours.items()
        )
        notes = (
            f"seed {record.seed}; matches: the paper's expert that ours is matched to",
            *r.notes,
        )
        title = f"Assignment at {_experts(printed)}, {sweep.label}: {r.title}"
        tables.append(Table(title, columns, rows, notes))
    return tables


def experts_of_run(r: Reproduction, record: Record) -> ExpertsOfRun:
    """Return the experts of a run, over the categories that every run has."""
    owner = {c: e for c, e in assignment_of(record).items() if c in r.categories}
    return ExpertsOfRun(owner, _utilization(record), _changes(r, record))


def _first_runs(r: Reproduction, printed: PublishedRow) -> Iterator[tuple[Sweep, Record]]:
    """Yield the first run per sweep with the number of experts whose assignment is printed."""
    for sweep in r.sweeps:
        for experts, point in sweep.points.items():
            if experts == printed.experts:
                yield sweep, point.row.first


def _expert_rows(
    r: Reproduction, record: Record, printed: PublishedRow
) -> Iterator[tuple[Value, ...]]:
    """Yield their experts in order, each with its match, then our experts without one."""
    ours = assignment_of(record)
    match = best_matching(ours, printed_assignment(printed, ours))
    full = _utilization(record)
    forgetting = r.printed_with("forgetting").get(printed.experts or 0)
    change = _changes(r, record)
    unmatched = [mine for mine in sorted(set(ours.values())) if mine not in match.values()]
    pairs = [(int(expert), match.get(int(expert))) for expert in printed.assignment]
    for theirs, mine in [*pairs, *((None, mine) for mine in unmatched)]:
        share = None if theirs is None else printed.by_expert.get(str(theirs))
        printed_percent = None if share is None else share * 100
        percent = full.get(mine) if mine is not None else None
        difference = None
        if r.comparable and percent is not None and printed_percent is not None:
            difference = percent - printed_percent
        mean, worst = _mean_and_worst(change, ours, mine)
        yield (
            theirs,
            None if theirs is None else len(printed.assignment[str(theirs)]),
            printed_percent,
            forgetting.by_expert.get(str(theirs)) if forgetting else None,
            mine,
            None if mine is None else sum(expert == mine for expert in ours.values()),
            percent,
            difference,
            mean,
            worst,
        )


def _utilization(record: Record) -> dict[int, float]:
    """Return expert -> percent of its budget in use after the last experience."""
    memory = Reading(record, tuple(record.categories)).final_memory
    experts = memory[memory["expert"] >= 0]
    shares = zip(experts["expert"], experts[UTILIZATION], strict=True)
    return {int(expert): float(share) * 100 for expert, share in shares}


def _changes(r: Reproduction, record: Record) -> dict[str, float]:
    """Return category -> R[T, c] - R[s(c), c]."""
    R, s = Reading(record, r.categories).matrix()
    change = R[-1] - R[s - 1, np.arange(len(s))]
    return dict(zip(r.categories, change.tolist(), strict=True))


def _mean_and_worst(
    change: dict[str, float], ours: dict[str, int], expert: int | None
) -> tuple[float | None, float | None]:
    values = [
        change[c]
        for c, e in ours.items()
        if e == expert and not math.isnan(change.get(c, math.nan))
    ]
    return (sum(values) / len(values), min(values)) if values else (None, None)


def _experts(printed: PublishedRow) -> str:
    """Such as `5 experts`."""
    return format_count(printed.experts or 0, "expert")
