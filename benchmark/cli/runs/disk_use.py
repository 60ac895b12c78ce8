"""`cadbench runs du`: the size of runs by protocol and method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.records.inventory import StoredRun
from ..shared.messages import echo
from ..shared.options import list_format_option, out_option
from ..shared.units import format_size
from .selection import methods_option, protocol_option, select_runs

if TYPE_CHECKING:
    from ....results.rendering.table import Table, Value


@click.command("du")
@out_option
@methods_option
@protocol_option
@list_format_option()
def command(out: Path, methods: tuple[str, ...], protocol: str | None, output: str) -> None:
    """Show the size of runs by protocol and method, with the share of anomaly maps."""
    from ..shared.table_output import print_tables

    runs = select_runs(out, methods, protocol)
    print_tables([_table(out, runs)], output)
    if maps := sum(run.maps for run in runs):
        click.echo()
        echo(f"{format_size(maps)} are anomaly maps; `cadbench run --maps none` keeps none")
    if states := sum(run.kept_state for run in runs):
        echo(f"{format_size(states)} are method states that `cadbench run --keep-state` kept")


def _table(out: Path, runs: Sequence[StoredRun]) -> Table:
    from ....results.rendering.table import Column, Table, text_column

    groups: dict[tuple[str, str], list[StoredRun]] = {}
    for run in runs:
        groups.setdefault((run.protocol, run.method), []).append(run)
    ordered = sorted(groups.items(), key=lambda item: -sum(run.size for run in item[1]))
    rows: list[tuple[Value, ...]] = [(*names, *_sums(group)) for names, group in ordered]
    if len(rows) > 1:
        rows.append(("total", "", *_sums(runs)))
    columns = (
        text_column("protocol"),
        text_column("method"),
        Column("runs"),
        Column("unfinished"),
        Column("maps"),
        Column("size"),
    )
    return Table(f"Runs in {out}", columns, tuple(rows))


def _sums(runs: Sequence[StoredRun]) -> tuple[int, int, str, str]:
    """Finished and other runs, size of the maps, and size."""
    finished = sum(run.state == "finished" for run in runs)
    maps, size = sum(run.maps for run in runs), sum(run.size for run in runs)
    return finished, len(runs) - finished, format_size(maps), format_size(size)
