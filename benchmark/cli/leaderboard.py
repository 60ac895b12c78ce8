"""`cadbench leaderboard`: all records, best first."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.options import names, out_option
from benchmark.cli.records import chosen_records, format_option, methods_option, protocol_option
from benchmark.cli.tables import default_params, print_tables


@click.command("leaderboard")
@methods_option
@protocol_option
@click.option(
    "--sort",
    default="acc",
    show_default=True,
    metavar="METRIC",
    help="Which metric ranks (see `cadbench metrics`).",
)
@format_option
@out_option
def command(methods: str | None, protocol: str | None, sort: str, output: str, out: Path) -> None:
    """Rank all records: a table for each protocol, data set and routing."""
    from results.leaderboard import leaderboard

    records = chosen_records(out, names(methods), protocol)
    print_tables(leaderboard(records, sort=sort, defaults=default_params(records)), output)
