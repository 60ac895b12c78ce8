"""What `cadbench run` says at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.records.record import Record
from ....results.rendering.trimming import printed
from ....results.sanitizing import printable
from ....results.tables.comparison import main_tables
from ..shared.output import default_params, print_tables

if TYPE_CHECKING:
    from ...running.runner import Outcome

_USUAL = (
    *("acc", "pixel_auroc.acc", "aupro.acc", "bwt", "fm", "gap_to_joint"),
    *("stored_vectors", "stored_mb", "utilization", "seconds"),
)


def print_summary(outcomes: Sequence[Outcome], out: Path, seconds: float) -> None:
    """A row a configuration, whether the threshold decided anything, and where the records are."""
    records = [outcome.record for outcome in outcomes]
    tables = main_tables(records, usual=_USUAL, defaults=default_params(records), allow_mixed=True)
    print_tables(replace(printed(table), notes=()) for table in tables)
    click.echo("\n`cadbench metrics` defines the columns, `cadbench show RUN` opens a record")
    for line in threshold_lines(records):
        click.echo(line)
    reused = sum(outcome.reused for outcome in outcomes)
    counts = [f"{len(records) - reused} computed"] + [f"{reused} from before"] * (reused > 0)
    click.echo(
        printable(f"{len(records)} records ({', '.join(counts)}) in {out}; {seconds:.1f} s in all")
    )


def threshold_lines(records: Sequence[Record]) -> list[str]:
    """For assignments by similarity: how often the threshold made a difference, if ever.

    It decides where a category could join a used expert with room as well as open an unused one.
    """
    joined = apart = asked = 0
    for record in records:
        events = record.events
        if "threshold" not in events or events["threshold"].isna().all():
            continue
        asked += 1
        reasons = events[events["chosen"].fillna(False).astype(bool)]["reason"]
        joined += int(reasons.str.startswith("above the threshold").sum())
        apart += int(reasons.str.startswith("below the threshold").sum())
    if not asked:
        return []
    if not joined:
        return [
            f"the threshold decided no assignment in {asked} run(s): no category was similar "
            "enough to join an expert while an unused one was left"
        ]
    return [
        f"the threshold decided {joined + apart} assignments in {asked} run(s): {joined} to a "
        f"similar expert, {apart} to an unused one"
    ]
