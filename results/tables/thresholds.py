"""How alarm thresholds age: false alarms and recall when learned, at the end, and the change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..analysis.comparison import Comparison, comparisons
from ..analysis.quantities import Quantity, quantity
from ..analysis.rows import Defaults
from ..metrics.operating_points import METRICS
from ..metrics.registry import stored_name
from ..records.record import Record
from ..records.schema import THRESHOLD_QUANTILE
from ..rendering.table import Table
from ..statistics.bootstrap import Bootstrap
from .comparison import quantity_table

_WHEN = {"acc_learned": "learned", "acc": "at the end", "bwt_all": "change"}
"""Continual metric -> its heading."""


def threshold_tables(
    records: Iterable[Record],
    *,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """One row per configuration of runs with held-out images.

    Other records have no table. For the arguments see `comparison.main_tables`.
    """
    held_out = [record for record in records if "holdout" in record.cell]
    return [
        _threshold_table(c, defaults, bootstrap)
        for c in comparisons(held_out, allow_mixed=allow_mixed, common=common)
    ]


def _threshold_table(
    c: Comparison, defaults: Defaults | None, bootstrap: Bootstrap | None
) -> Table:
    quantities = {
        stored_name(base.name, name): _renamed(
            stored_name(base.name, name), f"{base.heading} {when}"
        )
        for base in METRICS
        for name, when in _WHEN.items()
    }
    table = quantity_table("Thresholds: ", c, quantities, defaults, bootstrap=bootstrap)
    notes = (
        _describe_thresholds(c),
        *(f"{base.heading}: {base.formula}" for base in METRICS),
        "means over categories; learned: R[s(c), c]; at the end: R[T, c]; change: R[T, c] - "
        "R[s(c), c]",
    )
    return replace(table, notes=(*notes, *table.notes))


def _renamed(name: str, heading: str) -> Quantity:
    """A quantity under another heading; not ranked, since recall costs false alarms."""
    found = quantity(name)
    return replace(found, column=replace(found.column, name=heading, better=None), note="")


def _describe_thresholds(c: Comparison) -> str:
    """The quantile of the thresholds and the images that set them."""
    cells = [row.first.cell for row in c.rows]
    quantiles = sorted({cell.get("threshold_quantile", THRESHOLD_QUANTILE) for cell in cells})
    shares = sorted({cell["holdout"] for cell in cells})
    return (
        f"thresholds: quantile {', '.join(map(str, quantiles))} of the scores of "
        f"{', '.join(f'{100 * share:g} %' for share in shares)} of the training images, held out, "
        "when each category was learned"
    )
