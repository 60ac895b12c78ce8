"""`cadbench table`: records side by side, or one in full, as tables for a terminal or a paper."""

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
from ..shared.record_selection import format_option, methods_option, protocol_option, select_records
from ..shared.row_names import find_rows
from ..shared.table_output import Style, format_of, print_tables

KINDS = (
    *("main", "per-category", "domains", "experts", "matrix", "memory", "assignments"),
    "published",
)

_SIDE_BY_SIDE = ("main", "per-category", "experts")
_ONLY_FOR = {
    "refs": KINDS[:-1],
    "methods": KINDS[:-1],
    "protocol": KINDS[:-1],
    "routing": KINDS[:-1],
    "columns": ("main",),
    "allow_mixed": (*_SIDE_BY_SIDE, "domains"),
    "published": _SIDE_BY_SIDE,
    "intervals": (*_SIDE_BY_SIDE, "domains"),
    "metric": ("matrix", "domains"),
}
"""The kinds that an option means something for; in others it is refused."""


@click.command("table")
@click.argument("kind", type=click.Choice(KINDS), default="main")
@click.argument("refs", nargs=-1, metavar="[ROW]...")
@methods_option
@protocol_option
@click.option("--routing", type=click.Choice(["oracle", "inferred"]), help="Only this routing.")
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
    help="What the matrix holds, or is averaged by domain [default: auroc].",
)
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Put rows of different protocols, data, seeds or orders together, labeled.",
)
@click.option(
    "--published",
    is_flag=True,
    help="Set published rows of the same stream below, with their definitions in footnotes.",
)
@click.option(
    "--intervals",
    is_flag=True,
    help="Add 95 % bootstrap intervals: test images, seeds and orders drawn anew.",
)
@format_option
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Write this file instead (.tex, .html, .md or .csv says the format).",
)
@click.option(
    "--highlight",
    type=click.Choice(["none", "best", "second"]),
    default=None,
    help="Mark the best, or the two best, of each column that says which way is better "
    "[default: second in latex and html, none elsewhere].",
)
@click.option(
    "--digits",
    type=click.IntRange(1, 10),
    default=None,
    metavar="N",
    help="Digits after the point of all numbers that have any.",
)
@click.option("--no-deviation", is_flag=True, help="Means alone, without `±`.")
@click.option("--caption", default=None, metavar="TEXT", help="Plain text before the heading.")
@click.option("--label", default=None, metavar="NAME", help="LaTeX label, or id in HTML.")
@out_option
def command(kind: str, **given: Any) -> None:
    """Make tables of records.

    main (default), per-category, domains (with --drift) and experts compare the rows; matrix,
    memory and assignments show each of them; published needs no records.

    ROW is a method, for all its rows, a method with settings (mecad:experts=5), or the beginning of
    a key; a run's own key chooses that run alone. Without any, all rows are taken.
    """
    for option, kinds in _ONLY_FOR.items():
        if given[option] and kind not in kinds:
            shown = "ROW" if option == "refs" else f"--{option.replace('_', '-')}"
            if kind == "published":
                raise click.UsageError(
                    f"{shown} is for tables of records; `published` shows all rows"
                )
            raise click.UsageError(f"{shown} is for {', '.join(kinds)}, not for {kind}")
    output = format_of(given["output"], given["to"])
    style = _style(output, given)
    tables = _published() if kind == "published" else _tables(kind, given)
    if style.caption and len(tables) > 1:
        raise UsageError(
            f"--caption is for one table, and these are {len(tables)}: choose rows, --methods, "
            "--protocol or --routing"
        )
    print_tables(tables, output, style, given["to"])


def _style(output: str, given: dict[str, Any]) -> Style:
    """`UsageError` where the format has no place for what is wanted."""
    style = Style(
        highlight=given["highlight"],
        digits=given["digits"],
        deviation=not given["no_deviation"],
        caption=given["caption"],
        label=given["label"],
    )
    if output == "csv" and style != Style():
        raise UsageError(
            "csv holds plain numbers at full precision: --highlight, --digits, --no-deviation, "
            "--caption and --label are for other formats"
        )
    if style.label is not None:
        if output not in ("latex", "html"):
            raise UsageError("--label is for --format latex or html")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9:_.-]*", style.label):
            raise UsageError(
                f"--label {style.label!r}: use letters, digits and : _ . - only, as in tab:main"
            )
    return style


def _published() -> list[Table]:
    from ....results.published.rows import load_published
    from ....results.published.tables import published_tables

    return published_tables(load_published())


def _tables(kind: str, given: dict[str, Any]) -> list[Table]:
    records = _chosen(given)
    defaults = default_params(records)
    if kind in _SIDE_BY_SIDE:
        tables = _side_by_side(kind, records, defaults, given)
        nothing = "none of these records has a parameter `experts`"
    elif kind == "domains":
        tables = _domains(records, defaults, given)
        nothing = "none of these records is of a stream with --drift"
    else:
        tables = _each(kind, records, defaults, given["metric"] or "auroc")
        nothing = "no method of these records assigns categories to experts"
    if not tables:
        raise UsageError(f"no table of {kind}: {nothing}")
    return tables


def _side_by_side(
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


def _each(kind: str, records: list[Record], defaults: Any, base: str) -> list[Table]:
    from ....results.tables.shared_runs import assignments_tables, matrix_tables, memory_tables

    if kind == "matrix":
        return matrix_tables(records, base, defaults=defaults)
    make = memory_tables if kind == "memory" else assignments_tables
    return make(records, defaults=defaults)


def _chosen(given: dict[str, Any]) -> list[Record]:
    """The records that options and names leave; a run's own key means that run alone."""
    records = select_records(given["out"], parse_names(given["methods"]), given["protocol"])
    if given["routing"]:
        records = [record for record in records if record.routing == given["routing"]]
        if not records:
            raise UsageError(f"--routing {given['routing']}: no record has it")
    if not given["refs"]:
        return records
    found: list[Record] = []
    of_rows = []
    for ref in given["refs"]:
        runs = [record for record in records if record.method == ref]
        own = [r for r in records if len(ref) >= 4 and r.key.startswith(ref)]
        if runs or len(own) == 1:
            found += runs or own
        else:
            of_rows.append(ref)
    rows = find_rows(of_rows, rows_of(records))
    chosen = {record.key for record in [*found, *(r for row in rows for r in row.records)]}
    return [record for record in records if record.key in chosen]
