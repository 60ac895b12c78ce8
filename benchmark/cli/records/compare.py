"""`cadbench compare`: test whether rows differ, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.analysis.comparable import check_comparable
from ....results.analysis.rows import Row, rows_of
from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ..shared.default_params import default_params
from ..shared.options import FiniteRange, out_option
from ..shared.readable_records import with_readable
from ..shared.record_selection import format_option, protocol_option, select_records
from ..shared.row_names import find_rows
from ..shared.table_output import print_tables

if TYPE_CHECKING:
    from ....results.records.record import Record
    from ....results.rendering.table import Table
    from ....results.statistics.friedman import Ranking


@click.command("compare")
@click.argument("refs", nargs=-1, required=True, metavar="ROW ROW...")
@protocol_option
@click.option(
    "--routing",
    type=click.Choice(["oracle", "inferred"]),
    default=None,
    help="Only records with this routing.",
)
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
    type=click.Choice(["category", "cell"]),
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
    diagram: Path | None,
    output: str,
    out: Path,
) -> None:
    """Test whether rows differ: paired intervals, Wilcoxon and Holm, Friedman and Nemenyi.

    ROW is a method, a method with settings (mecad:experts=5,replay=full), or the beginning of a
    key from the leaderboard. All rows need the same data, protocol, seeds and orders.
    """
    from ....results.figures.drawing.rank_diagram import check_place, save_diagram
    from ....results.statistics.bootstrap import Bootstrap
    from ....results.statistics.friedman import ranking
    from ....results.statistics.paired import UNITS, VALUES, paired
    from ....results.tables.paired import paired_tables, row_titles

    if len(refs) < 2:
        raise UsageError("compare needs at least two rows, such as `cadbench compare mecad joint`")
    if diagram is not None:
        check_place(diagram)
        if len(refs) < 3:
            raise UsageError("--diagram shows mean ranks and needs at least three rows")

    def make(records: list[Record]) -> tuple[list[Table], list[str], Ranking | None]:
        rows = find_rows(refs, rows_of(records))
        check_comparable(rows, mixable=False)
        _check_base(base, rows)
        compared = paired(
            rows,
            base,
            VALUES[VALUES.index(value)],
            UNITS[UNITS.index(unit)],
        )
        titles = row_titles(rows, default_params(record for row in rows for record in row.records))
        ranked = ranking(compared.merits, alpha)
        return paired_tables(compared, titles, ranked, Bootstrap(), alpha), titles, ranked

    (tables, titles, ranked), _ = with_readable(_records(out, protocol, routing), make)
    print_tables(tables, output)
    if diagram is None:
        return
    if ranked is None:
        raise UsageError(
            "--diagram: nothing to draw, since these rows cannot be ranked (see above)"
        )
    save_diagram(diagram, titles, ranked, alpha)


def _records(out: Path, protocol: str | None, routing: str | None) -> list[Record]:
    records = select_records(out, None, protocol)
    if routing is not None:
        records = [record for record in records if record.routing == routing]
        if not records:
            raise UsageError(f"--routing {routing}: no record has this routing")
    return records


def _check_base(base: str, rows: Sequence[Row]) -> None:
    from ....results.statistics.paired import bases_of

    shared = bases_of(rows)
    if base not in shared:
        raise UsageError(
            f"--metric: not all of these rows have {base!r} per category"
            f"{suggestion(base, shared)}; available: {', '.join(shared)}"
        )
