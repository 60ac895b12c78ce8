"""What `cadbench run` says at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.tables import default_params, print_tables
from results.record import Record
from results.render import is_undefined
from results.table import Table
from results.tables import TIMED, main_tables

if TYPE_CHECKING:
    from benchmark.runner import Outcome

_IN_TITLE = ("backbone", "seeds", "orders")


def print_summary(outcomes: Sequence[Outcome], out: Path, seconds: float) -> None:
    """A row a configuration, whether the threshold decided anything, and where the records are."""
    records = [outcome.record for outcome in outcomes]
    timed = TIMED if any("timing" in record.run for record in records) else ()
    tables = main_tables(records, defaults=default_params(records), allow_mixed=True, more=timed)
    print_tables(map(_in_short, tables))
    click.echo("\n`cadbench metrics` defines the columns, `cadbench show RUN` opens a record")
    for line in threshold_lines(records):
        click.echo(line)
    reused = sum(outcome.reused for outcome in outcomes)
    counts = [f"{len(records) - reused} computed"] + [f"{reused} from before"] * (reused > 0)
    click.echo(f"{len(records)} records ({', '.join(counts)}) in {out}; {seconds:.1f} s in all")


def _in_short(table: Table) -> Table:
    """Without notes, columns that define nothing, and what the title says of all rows alike."""
    keep = []
    for index, column in enumerate(table.columns):
        values = [row[index] for row in table.rows]
        said = column.name in _IN_TITLE and len(set(values)) == 1
        if not said and any(value != "" and not is_undefined(value) for value in values):
            keep.append(index)
    backbone = [column.name for column in table.columns].index("backbone")
    features = "" if backbone in keep else f"{table.rows[0][backbone]}, "
    return Table(
        f"{features}{table.title}",
        tuple(table.columns[index] for index in keep),
        tuple(tuple(row[index] for index in keep) for row in table.rows),
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
