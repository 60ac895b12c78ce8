"""`cadbench show`: show one record in full."""

from __future__ import annotations

from pathlib import Path

import click

from ....results.metrics.registry import CATEGORY_METRICS
from ....results.records.record import Record
from ....results.records.schema import ASSIGNED
from ....results.rendering.table import Table
from ..running.summary import threshold_lines
from ..shared.messages import echo
from ..shared.options import out_option
from ..shared.readable_records import warn, with_readable
from ..shared.table_output import print_tables


@click.command("show")
@click.argument("run")
@out_option
@click.option(
    "--metric",
    type=click.Choice(list(CATEGORY_METRICS)),
    default="auroc",
    show_default=True,
    help="Metric of the matrix.",
)
@click.option("--verify", is_flag=True, help="First compare every file with its checksum.")
def command(run: str, out: Path, metric: str, verify: bool) -> None:
    """Show one record: AUROC matrix, assignments with similarities, memory, metrics, events.

    RUN is a record's folder, the beginning of its key, or the name of a method that has only one
    record.
    """
    from ....results.analysis.selection_notes import choice_lines
    from ....results.records.record import load_record
    from ....results.records.store import resolve_run
    from ....results.tables.recorded_events import recorded_table
    from ....results.tables.single_run import (
        assignments_table,
        matrix_table,
        memory_table,
        metrics_table,
    )

    record = resolve_run(out, run, warn)
    if verify:
        record = load_record(record.path, verify=True)

    def make(records: list[Record]) -> tuple[list[Table], list[str]]:
        (record,) = records
        tables = [matrix_table(record, metric)]
        if ASSIGNED in set(record.events["kind"]):
            tables.append(assignments_table(record))
        tables += [memory_table(record), metrics_table(record)]
        recorded = recorded_table(record)
        lines = [*threshold_lines(records), *choice_lines(record)]
        return [*tables, *([recorded] if recorded else [])], lines

    (tables, decisions), _ = with_readable([record], make)
    params = ", ".join(f"{name}={value}" for name, value in record.params.items())
    lines = [
        f"{record.method} {params}",
        f"{record.protocol}, order {record.order}, seed {record.seed}, on {record.run['device']}",
        f"key {record.key}, in {record.path}",
        *(f"left out: {skipped['path']}: {skipped['reason']}" for skipped in record.run["skipped"]),
        *(f"data: {line}" for line in record.data_notes),
    ]
    for line in lines:
        echo(line)
    click.echo()
    print_tables(tables)
    for line in decisions:
        click.echo()
        echo(line)
