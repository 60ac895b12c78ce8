"""What `cadbench run` says at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.tables import default_params, print_tables
from results.record import Record
from results.tables import main_tables

if TYPE_CHECKING:
    from benchmark.runner import Outcome


def print_summary(outcomes: Sequence[Outcome], out: Path, seconds: float) -> None:
    """A row a configuration, whether the threshold decided anything, and where the records are."""
    records = [outcome.record for outcome in outcomes]
    print_tables(main_tables(records, defaults=default_params(records), allow_mixed=True))
    click.echo()
    for line in threshold_lines(records):
        click.echo(line)
    reused = sum(outcome.reused for outcome in outcomes)
    known = f", {reused} of them from before" if reused else ""
    click.echo(f"{len(records)} records{known}, in {out}; {seconds:.1f} s in all")


def threshold_lines(records: Sequence[Record]) -> list[str]:
    """For assignments by similarity: in how many runs the threshold made a difference.

    The threshold decides where a category could have joined a used expert with room as well as
    opened an unused one; which of the two happens is then its doing.
    """
    decided, asked = 0, 0
    for record in records:
        events = record.events
        if "threshold" not in events or events["threshold"].isna().all():
            continue
        asked += 1
        chosen = events[events["chosen"].fillna(False).astype(bool)]
        decided += bool(chosen["reason"].str.contains("the threshold").any())
    if not asked:
        return []
    if not decided:
        return ["the threshold decided no assignment: it could be left out"]
    return [f"the threshold decided assignments in {decided} of {asked} runs that have one"]
