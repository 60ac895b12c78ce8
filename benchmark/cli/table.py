"""`cadbench table`: records side by side."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.options import names, out_option
from benchmark.cli.records import chosen_records, format_option, methods_option, protocol_option
from benchmark.cli.tables import default_params, print_tables


@click.command("table")
@click.argument(
    "kind",
    type=click.Choice(["main", "per-category", "experts", "published"]),
    default="main",
)
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
    "--published",
    "beside",
    is_flag=True,
    help="Set published rows of the same stream below, with their definitions in footnotes.",
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
    beside: bool,
    intervals: bool,
    output: str,
    out: Path,
) -> None:
    """Compare records: main (default), per-category, or experts; published needs none."""
    from results.bootstrap import Bootstrap
    from results.reference import load_published
    from results.tables import experts_tables, main_tables, per_category_tables

    if kind == "published":
        _refuse_choices(methods, protocol, columns, allow_mixed, beside)
        from results.published_tables import published_tables

        print_tables(published_tables(load_published()), output)
        return
    published = load_published() if beside else None
    records = chosen_records(out, names(methods), protocol)
    defaults = default_params(records)
    bootstrap = Bootstrap() if intervals else None
    if kind == "main":
        tables = main_tables(
            records,
            columns=names(columns),
            defaults=defaults,
            allow_mixed=allow_mixed,
            published=published,
            bootstrap=bootstrap,
        )
    elif columns is not None:
        raise click.UsageError("--columns is for the main table")
    elif kind == "per-category":
        tables = per_category_tables(
            records,
            defaults=defaults,
            allow_mixed=allow_mixed,
            published=published,
            bootstrap=bootstrap,
        )
    else:
        tables = experts_tables(
            records,
            defaults=defaults,
            allow_mixed=allow_mixed,
            published=published,
            bootstrap=bootstrap,
        )
    print_tables(tables, output)


def _refuse_choices(
    methods: str | None,
    protocol: str | None,
    columns: str | None,
    allow_mixed: bool,
    beside: bool,
) -> None:
    """Options that choose among records mean nothing where none are read."""
    given = {
        "--methods": methods,
        "--protocol": protocol,
        "--columns": columns,
        "--allow-mixed": allow_mixed,
        "--published": beside,
    }
    for option, value in given.items():
        if value:
            raise click.UsageError(f"{option} is for tables of records; `published` shows all rows")
