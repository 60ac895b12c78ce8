"""`cadbench table`: tables that compare records or show single ones, for a terminal or a paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ....results.metrics.registry import CATEGORY_METRICS
from ....results.records.store import find_records
from ....results.rendering.table import Table
from ...finished.selection import of_refs
from ...finished.tables import (
    CHOOSING,
    COMPARING,
    KINDS,
    OF_ROWS,
    PUBLISHED,
    TableOptions,
    check_name,
    make_tables,
)
from ..shared.options import out_option, parse_names
from ..shared.readable_records import warn, with_readable
from ..shared.record_selection import (
    common_option,
    format_option,
    methods_option,
    protocol_option,
    routing_option,
    select_records,
)
from ..shared.table_output import Style, format_of, print_tables

_OF_RECORDS = (*COMPARING, *OF_ROWS)
_KINDS_OF_OPTION = {
    **dict.fromkeys(("refs", "methods", "protocol", "routing"), _OF_RECORDS),
    "columns": CHOOSING,
    **dict.fromkeys(("sort", "common", "intervals"), COMPARING),
    "allow_mixed": tuple(kind for kind in COMPARING if kind != "robustness"),
    "published": ("main", "per-category", "experts"),
    "metric": ("matrix", "domains", "robustness"),
}
"""Option -> the kinds of tables that use it; other kinds refuse it."""


class _Kind(click.Choice[str]):
    """A kind of table; a name of a figure is refused as such."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        check_name("table", value)
        return value


@click.command("table")
@click.argument("kind", type=_Kind(KINDS), default="main")
@click.argument("refs", nargs=-1, metavar="[ROW]...")
@methods_option
@protocol_option
@routing_option
@click.option(
    "--columns",
    default=None,
    metavar="A,B,...",
    help="Metrics of main, experts, boundaries or costs (see `cadbench metrics`).",
)
@click.option(
    "--metric",
    type=click.Choice(list(CATEGORY_METRICS)),
    default=None,
    help="Metric of matrix, domains or robustness [default: auroc].",
)
@click.option(
    "--sort",
    default=None,
    metavar="[-]COLUMN",
    help="Sort the rows by this column, a heading or its metric: the best first, words in "
    "alphabetical order; with -, in reverse.",
)
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Put rows of different protocols, data, seeds or orders in one table, and label them.",
)
@common_option
@click.option(
    "--published",
    is_flag=True,
    help="Add published rows of the same stream below, with their definitions in footnotes.",
)
@click.option(
    "--intervals",
    is_flag=True,
    help="Add 95 % bootstrap intervals over test images, seeds and orders.",
)
@format_option
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Write to this file; .tex, .html, .md or .csv selects the format.",
)
@click.option(
    "--highlight",
    type=click.Choice(["none", "best", "second"]),
    default=None,
    help="Mark the best (best) or the two best (second) values of each ranked column "
    "[default: second in latex and html, else none].",
)
@click.option(
    "--digits",
    type=click.IntRange(1, 10),
    default=None,
    metavar="N",
    help="Digits after the decimal point, for all non-integer columns.",
)
@click.option("--no-deviation", is_flag=True, help="Show means only, without `±`.")
@click.option("--caption", default=None, metavar="TEXT", help="Text in front of the table's title.")
@click.option(
    "--label",
    default=None,
    metavar="NAME",
    help="Label in LaTeX [default: from the title], or id in HTML.",
)
@out_option
def command(kind: str, **given: Any) -> None:
    """Show records in tables.

    main (default), per-category, defects (kinds of defects), domains (with --drift), thresholds
    (with --holdout), boundaries (of methods that find them, such as feature_ae+tame), costs and
    experts compare rows, in one table per protocol and dataset; robustness compares the shares of
    --contaminate; matrix, memory, assignments and events (what a method recorded, such as losses)
    show each row. published needs no records: it shows every published claim in one line with our
    number, those of others, and a status.

    ROW is a method (all its rows), a method with settings (mecad:experts=5), or the beginning of a
    key; a run's own key selects that run only. Without ROW, all rows are shown.
    """
    for option, kinds in _KINDS_OF_OPTION.items():
        if given[option] and kind not in kinds:
            option_text = "ROW" if option == "refs" else f"--{option.replace('_', '-')}"
            if kind == "published":
                raise click.UsageError(
                    f"{option_text} is for tables of records; `published` always shows all rows"
                )
            raise click.UsageError(f"{option_text} is for {', '.join(kinds)}, not for {kind}")
    output = format_of(given["output"], given["to"])
    style = _style(output, given)
    tables = _tables(kind, given)
    if style.caption and len(tables) > 1:
        raise UsageError(
            f"--caption needs a single table, but there are {len(tables)}: select fewer rows with "
            "ROW, --methods, --protocol or --routing"
        )
    print_tables(tables, output, style, given["to"])


def _style(output: str, given: dict[str, Any]) -> Style:
    """The style that the options describe; `UsageError` if the format does not support it."""
    style = Style(
        highlight=given["highlight"],
        digits=given["digits"],
        deviation=not given["no_deviation"],
        caption=given["caption"],
        label=given["label"],
    )
    if output == "csv" and style != Style():
        raise UsageError(
            "csv has plain numbers at full precision: --highlight, --digits, --no-deviation, "
            "--caption and --label need another format"
        )
    if style.label is not None:
        if output not in ("latex", "html"):
            raise UsageError("--label needs --format latex or html")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9:_.-]*", style.label):
            raise UsageError(
                f"--label {style.label!r}: use only letters, digits and : _ . - (such as tab:main)"
            )
    return style


def _tables(kind: str, given: dict[str, Any]) -> list[Table]:
    options = TableOptions(
        columns=parse_names(given["columns"]),
        metric=given["metric"] or "auroc",
        **{
            name: given[name]
            for name in ("sort", "allow_mixed", "common", "published", "intervals")
        },
    )
    if kind == PUBLISHED:
        found = find_records(given["out"], warn=warn)
        return with_readable(found, lambda readable: make_tables(kind, readable, options))[0]
    methods = parse_names(given["methods"])
    records = select_records(given["out"], methods, given["protocol"], routing=given["routing"])
    records = of_refs(records, given["refs"])
    tables, _ = with_readable(records, lambda readable: make_tables(kind, readable, options))
    return tables
