"""What `cadbench run` prints at the end: a table, the threshold's decisions, where records are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.analysis.rows import rows_of
from ....results.analysis.search_notes import search_notes
from ....results.analysis.selection_notes import selection_notes
from ....results.counts import format_count
from ....results.records.record import Record
from ....results.records.schema import ASSIGNED, PART_ASSIGNED
from ....results.rendering.trimming import without_redundant_columns
from ....results.tables.comparison import main_tables
from ...interface.services import SMALLEST_APPROXIMATE
from ...plugins.default_params import default_params
from ..shared.messages import echo
from ..shared.table_output import print_tables

if TYPE_CHECKING:
    from ...running.runner import Outcome

_COLUMNS = (
    *("acc", "pixel_auroc.acc", "aupro.acc", "bwt", "fm", "gap_to_joint"),
    *("stored_vectors", "stored_mb", "utilization", "seconds"),
)


def print_summary(outcomes: Sequence[Outcome], out: Path, seconds: float) -> None:
    """Print the summary of a run.

    Args:
        outcomes: the run's cells with their records.
        out: folder of the records.
        seconds: duration of the command.
    """
    records = [outcome.record for outcome in outcomes]
    tables = main_tables(
        records, usual=_COLUMNS, defaults=default_params(records), allow_mixed=True
    )
    print_tables(replace(without_redundant_columns(table), notes=()) for table in tables)
    click.echo()
    echo("`cadbench metrics` defines the columns; `cadbench show RUN` shows one record")
    notes = [*search_notes(records, SMALLEST_APPROXIMATE), *selection_notes(rows_of(records))]
    for line in (*threshold_lines(records), *notes):
        echo(line)
    reused = sum(outcome.reused for outcome in outcomes)
    echo(
        f"{format_count(len(records), 'record')} in {out}/ ({len(records) - reused} computed, "
        f"{reused} reused), {seconds:.1f} s"
    )


def threshold_lines(records: Sequence[Record]) -> list[str]:
    """How often the similarity threshold decided an assignment; no line if no run uses one.

    It decides when a category could either join a used expert with room or open an unused one.
    """
    reused = opened = runs = 0
    for record in records:
        events = record.events
        events = events[events["kind"].isin([ASSIGNED, PART_ASSIGNED])]
        if "threshold" not in events or events["threshold"].isna().all():
            continue
        runs += 1
        reasons = events[events["chosen"].fillna(False).astype(bool)]["reason"]
        reused += int(reasons.str.startswith("above the threshold").sum())
        opened += int(reasons.str.startswith("below the threshold").sum())
    if not runs:
        return []
    if not reused:
        return [
            f"similarity threshold: no effect ({format_count(runs, 'run')}): no category was "
            "similar enough to join an expert while an unused one was left"
        ]
    return [
        f"similarity threshold: {reused} of {format_count(reused + opened, 'decision')} reused a "
        f"similar expert, {opened} opened a new one ({format_count(runs, 'run')})"
    ]
