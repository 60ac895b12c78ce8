"""Compare rows: paired intervals, Wilcoxon and Holm, Friedman and Nemenyi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...results.analysis.comparable import check_comparable, common_rows
from ...results.analysis.comparison import groups_by_data
from ...results.analysis.quantities import QUANTITIES
from ...results.analysis.rows import Row, rows_of
from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ...results.metrics.registry import CATEGORY_METRICS, MATRIX_METRICS, split_name
from ...results.records.record import Record
from ...results.rendering.table import Table
from ...results.statistics.bootstrap import Bootstrap
from ...results.statistics.friedman import Ranking, ranking
from ...results.statistics.paired import UNITS, VALUES, Unit, Value, bases_of, paired
from ...results.tables.paired import paired_tables, row_titles
from ..plugins.default_params import default_params
from .row_names import find_rows


@dataclass(frozen=True)
class ComparedRows:
    """The result of comparing rows.

    Attributes:
        titles: one title per row.
        ranked: mean ranks and the critical difference; None for two rows, or if undefined.
        tables: the table of rows and the table of pairs.
    """

    titles: list[str]
    ranked: Ranking | None
    tables: list[Table]


def compare_rows(
    records: Sequence[Record],
    refs: Sequence[str],
    *,
    metric: str = "auroc",
    value: Value = "final",
    unit: Unit = "category",
    alpha: float = 0.05,
    common: bool = False,
) -> ComparedRows:
    """Test whether rows differ, and by how much.

    Args:
        records: the records to look for the rows in.
        refs: at least two row names, such as `mecad:experts=5`.
        metric: a metric with one value per category.
        value: `final` is R[T, c], `learned` R[s(c), c], `change` final minus learned.
        unit: unit of the tests, a category or a (category, seed, order).
        alpha: significance level of the critical difference.
        common: compare the runs that all rows share, if some rows lack runs.

    Raises:
        UsageError: a name matches no row or several, or the rows are not comparable.
    """
    if len(refs) < 2:
        raise UsageError("compare needs at least two rows, such as mecad and joint")
    for name, given, allowed in (("value", value, VALUES), ("unit", unit, UNITS)):
        if given not in allowed:
            raise UsageError(f"{name}: expected one of {', '.join(allowed)}, got {given!r}")
    rows = _find(refs, rows_of(records))
    if common:
        rows = common_rows(rows)
    check_comparable(rows)
    shared = bases_of(rows)
    if metric not in shared:
        raise UsageError(
            f"--metric {metric}: {_missing(metric, shared)}; available: {', '.join(shared)}"
        )
    compared = paired(rows, metric, value, unit)
    titles = row_titles(rows, default_params(record for row in rows for record in row.records))
    ranked = ranking(compared.merits, alpha)
    return ComparedRows(titles, ranked, paired_tables(compared, titles, ranked, Bootstrap(), alpha))


def _missing(metric: str, shared: Sequence[str]) -> str:
    """Why rows that have the metrics `shared` per category cannot be compared by another."""
    name = split_name(metric)[1]
    if metric in CATEGORY_METRICS:
        return f"not all of these rows have {metric!r} per category"
    if name == "forgetting" or (name in MATRIX_METRICS and "forget" in MATRIX_METRICS[name].sign):
        return f"{metric!r} has no value per category; for forgetting use --value change"
    if metric in QUANTITIES:
        return f"{metric!r} has no value per category"
    return f"no metric has the name {metric!r}{suggestion(metric, shared)}"


def _find(refs: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Find the rows; if the names match rows of only one protocol and dataset, use those."""
    fitting = []
    for _, group in groups_by_data(rows):
        try:
            fitting.append(find_rows(refs, group))
        except UsageError:
            continue
    return fitting[0] if len(fitting) == 1 else find_rows(refs, rows)
