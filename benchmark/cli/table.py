"""`cadbench table`: records side by side."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.options import names, out_option
from benchmark.cli.records import chosen_records, format_option, methods_option, protocol_option
from benchmark.cli.tables import default_params, print_tables


@click.command("table")
@click.argument("kind", type=click.Choice(["main", "per-category", "experts"]), default="main")
@methods_option
@protocol_option
@click.option(
    "--columns",
    default=None,
    metavar="A,B,...",
    help="Metrics of the main table (see `cadbench metrics`).",
)
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Put rows of different protocols, data, seeds or orders together, labelled.",
)
@click.option(
    "--intervals",
    is_flag=True,
    help="Add 95 % bootstrap intervals: test images, seeds and orders drawn anew.",
)
@format_option
@out_option
def command(
    kind: str,
    methods: str | None,
    protocol: str | None,
    columns: str | None,
    allow_mixed: bool,
    intervals: bool,
    output: str,
    out: Path,
) -> None:
    """Compare records: main (default), per-category, or experts."""
    from results.bootstrap import Bootstrap
    from results.tables import experts_tables, main_tables, per_category_tables

    records = chosen_records(out, names(methods), protocol)
    defaults = default_params(records)
    bootstrap = Bootstrap() if intervals else None
    if kind == "main":
        tables = main_tables(
            records,
            columns=names(columns),
            defaults=defaults,
            allow_mixed=allow_mixed,
            bootstrap=bootstrap,
        )
    elif columns is not None:
        raise click.UsageError("--columns is for the main table")
    elif kind == "per-category":
        tables = per_category_tables(
            records, defaults=defaults, allow_mixed=allow_mixed, bootstrap=bootstrap
        )
    else:
        tables = experts_tables(
            records, defaults=defaults, allow_mixed=allow_mixed, bootstrap=bootstrap
        )
    print_tables(tables, output)
