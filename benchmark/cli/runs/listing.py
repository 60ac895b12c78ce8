"""`cadbench runs ls`: list runs with their parameters, size and state."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..shared.options import list_format_option, out_option
from .selection import methods_option, protocol_option, select_runs


@click.command("ls")
@out_option
@methods_option
@protocol_option
@click.option(
    "--sort",
    type=click.Choice(["name", "age", "size"]),
    default="name",
    show_default=True,
    help="Sort by method and parameters, by age (newest last), or by size (largest last).",
)
@list_format_option("json")
def command(
    out: Path, methods: tuple[str, ...], protocol: str | None, sort: str, output: str
) -> None:
    """List runs: key, parameters that differ from the defaults, order, seed, size, age, state.

    The key identifies the run for `cadbench runs show` and `cadbench runs rm`.
    """
    from ..shared.table_output import print_tables
    from .run_table import run_as_json, run_tables, sorted_runs

    runs = sorted_runs(select_runs(out, methods, protocol), sort)
    if output == "json":
        click.echo(json.dumps([run_as_json(run) for run in runs], indent=2))
        return
    print_tables(run_tables(runs), output)
