"""`cadbench table`: tables that compare records or show single ones, for a terminal or a paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from ....results.analysis.rows import rows_of
from ....results.errors import UsageError
from ....results.metrics.registry import CATEGORY_METRICS
from ....results.records.record import Record
from ....results.rendering.table import Table
from ..shared.default_params import default_params
from ..shared.options import out_option, parse_names
from ..shared.readable_records import with_readable
from ..shared.record_selection import format_option, methods_option, protocol_option, select_records
from ..shared.row_names import find_rows
from ..shared.table_output import Style, format_of, print_tables

KINDS = (
    *("main", "per-category", "domains", "experts", "matrix", "memory", "assignments"),
    "published",
)

_COMPARING = ("main", "per-category", "experts")
_KINDS_OF_OPTION = {
    "refs": KINDS[:-1],
    "methods": KINDS[:-1],
    "protocol": KINDS[:-1],
    "routing": KINDS[:-1],
    "columns": ("main",),
    "allow_mixed": (*_COMPARING, "domains"),
    "published": _COMPARING,
    "intervals": (*_COMPARING, "domains"),
    "metric": ("matrix", "domains"),
}
"""Option -> the kinds of tables that use it; other kinds refuse it."""


@click.command("table")
@click.argument("kind", type=click.Choice(KINDS), default="main")
@click.argument("refs", nargs=-1, metavar="[ROW]...")
@methods_option
@protocol_option
@click.option(
    "--routing", type=click.Choice(["oracle", "inferred"]), help="Only records with this routing."
)
@click.option(
    "--columns",
    default=None,
    metavar="A,B,...",
    help="Metrics of the main table (see `cadbench metrics`).",
)
@click.option(
    "--metric",
    type=click.Choice(list(CATEGORY_METRICS)),
    default=None,
    help="Metric of the matrix or of the domains [default: auroc].",
)
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Allow rows of different protocols, data, seeds or orders in one table, and label them.",
)
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
@click.option("--label", default=None, metavar="NAME", help="Label in LaTeX, or id in HTML.")
@out_option
def command(kind: str, **given: Any) -> None:
    """Show records in tables.

    main (default), per-category, domains (with --drift) and experts compare rows; matrix, memory
    and assignments show each row; published needs no records.

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
    tables = _published() if kind == "published" else _tables(kind, given)
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


def _published() -> list[Table]:
    from ....results.published.rows import load_published
    from ....results.published.tables import published_tables

    return published_tables(load_published())


def _tables(kind: str, given: dict[str, Any]) -> list[Table]:
    records = select_records(given["out"], parse_names(given["methods"]), given["protocol"])
    tables, _ = with_readable(records, lambda readable: _make_tables(kind, readable, given))
    return tables


def _make_tables(kind: str, records: list[Record], given: dict[str, Any]) -> list[Table]:
    records = _selected_records(records, given)
    defaults = default_params(records)
    if kind in _COMPARING:
        tables = _comparing_tables(kind, records, defaults, given)
        reason = "none of these records has a parameter `experts`"
    elif kind == "domains":
        tables = _domains(records, defaults, given)
        reason = "none of these records was run with --drift"
    else:
        tables = _row_tables(kind, records, defaults, given["metric"] or "auroc")
        reason = "no method of these records assigns categories to experts"
    if not tables:
        raise UsageError(f"no table {kind}: {reason}")
    return tables


def _comparing_tables(
    kind: str, records: list[Record], defaults: Any, given: dict[str, Any]
) -> list[Table]:
    from ....results.analysis.quantities import full_name
    from ....results.published.rows import load_published
    from ....results.statistics.bootstrap import Bootstrap
    from ....results.tables.comparison import experts_tables, main_tables, per_category_tables

    options: dict[str, Any] = {
        "defaults": defaults,
        "allow_mixed": given["allow_mixed"],
        "published": load_published() if given["published"] else None,
        "bootstrap": Bootstrap() if given["intervals"] else None,
    }
    if kind == "main":
        columns = parse_names(given["columns"])
        if columns is not None:
            columns = tuple(dict.fromkeys(map(full_name, columns)))
        return main_tables(records, columns=columns, **options)
    make = per_category_tables if kind == "per-category" else experts_tables
    return make(records, **options)


def _domains(records: list[Record], defaults: Any, given: dict[str, Any]) -> list[Table]:
    from ....results.statistics.bootstrap import Bootstrap
    from ....results.tables.domains import domain_tables

    return domain_tables(
        records,
        given["metric"] or "auroc",
        defaults=defaults,
        allow_mixed=given["allow_mixed"],
        bootstrap=Bootstrap() if given["intervals"] else None,
    )


def _row_tables(kind: str, records: list[Record], defaults: Any, base: str) -> list[Table]:
    from ....results.tables.shared_runs import assignments_tables, matrix_tables, memory_tables

    if kind == "matrix":
        return matrix_tables(records, base, defaults=defaults)
    make = memory_tables if kind == "memory" else assignments_tables
    return make(records, defaults=defaults)


def _selected_records(records: list[Record], given: dict[str, Any]) -> list[Record]:
    """The records that --routing and ROW arguments select."""
    if given["routing"]:
        records = [record for record in records if record.routing == given["routing"]]
        if not records:
            raise UsageError(f"--routing {given['routing']}: no record has this routing")
    if not given["refs"]:
        return records
    found: list[Record] = []
    row_refs = []
    for ref in given["refs"]:
        runs = [record for record in records if record.method == ref]
        own = [r for r in records if len(ref) >= 4 and r.key.startswith(ref)]
        if runs or len(own) == 1:
            found += runs or own
        else:
            row_refs.append(ref)
    rows = find_rows(row_refs, rows_of(records))
    chosen = {record.key for record in [*found, *(r for row in rows for r in row.records)]}
    return [record for record in records if record.key in chosen]
