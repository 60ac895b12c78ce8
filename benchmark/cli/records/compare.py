"""`cadbench compare`: test whether rows differ, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ...finished.comparison import compare_rows
from ..shared.options import FiniteRange, out_option
from ..shared.readable_records import with_readable
from ..shared.record_selection import format_option, protocol_option, routing_option, select_records
from ..shared.table_output import print_tables


@click.command("compare")
@click.argument("refs", nargs=-1, required=True, metavar="ROW ROW...")
@protocol_option
@routing_option
@click.option(
    "--metric",
    "base",
    default="auroc",
    show_default=True,
    metavar="NAME",
    help="Metric to compare, with one value per category: auroc, ap, f1_max, or another that the "
    "records have.",
)
@click.option(
    "--value",
    type=click.Choice(["final", "learned", "change"]),
    default="final",
    show_default=True,
    help="final: R[T, c]; learned: R[s(c), c]; change: final minus learned.",
)
@click.option(
    "--unit",
    type=click.Choice(["category", "category_run"]),
    default="category",
    show_default=True,
    help="Unit of the tests: a category, or a (category, seed, order).",
)
@click.option(
    "--alpha",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Significance level of the critical difference.",
)
@click.option(
    "--common",
    is_flag=True,
    help="If rows lack seeds or orders, compare the runs that all rows share.",
)
@click.option(
    "--diagram",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Draw a diagram of the mean ranks of three or more rows (.pdf, .png or .svg).",
)
@format_option
@out_option
def command(
    refs: tuple[str, ...],
    protocol: str | None,
    routing: str | None,
    base: str,
    value: str,
    unit: str,
    alpha: float,
    common: bool,
    diagram: Path | None,
    output: str,
    out: Path,
) -> None:
    """Test whether rows differ: paired intervals, Wilcoxon and Holm, Friedman and Nemenyi.

    ROW is a method, a method with settings (mecad:experts=5,replay=full), or the beginning of a
    key from the leaderboard. All rows need the same data, protocol, seeds and orders.
    """
    from ....results.figures.drawing.rank_diagram import check_place, save_diagram

    if diagram is not None:
        check_place(diagram)
        if len(refs) < 3:
            raise UsageError("--diagram shows mean ranks and needs at least three rows")
    records = select_records(out, None, protocol, routing=routing)
    options: Any = {"metric": base, "value": value, "unit": unit, "alpha": alpha, "common": common}
    compared, _ = with_readable(records, lambda readable: compare_rows(readable, refs, **options))
    print_tables(compared.tables, output)
    if diagram is None:
        return
    if compared.ranked is None:
        raise UsageError(
            "--diagram: nothing to draw, since these rows cannot be ranked (see above)"
        )
    save_diagram(diagram, compared.titles, compared.ranked, alpha)
