"""Records as pandas DataFrames: one row per run, per scored image, or per event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...results.analysis.comparison import compare, groups_by_data
from ...results.analysis.quantities import full_name, quantity
from ...results.analysis.rows import rows_of
from ...results.errors import UsageError
from ...results.records.record import Record
from .selection import check_metric

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ("method", "protocol", "routing", "order", "seed", "key")
"""Columns that every frame has."""

COLUMNS = ("acc", "acc_learned", "bwt", "fm", "pixel_auroc.acc", "aupro.acc", "stored_mb")
"""Columns of `run_frame` if none are named."""


def run_frame(
    records: Sequence[Record], columns: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return one row per run: its identity, parameters that vary, metrics, others, and its key.

    Parameters that all runs of a method share come after the metrics, as tables leave them out.

    Continual metrics are over the categories that all runs of one protocol define, as in tables.

    Args:
        records: the runs.
        columns: one or several names that `cadbench metrics` lists, such as `bwt` or `ap.acc`.
    """
    import pandas as pd

    listed = (columns,) if isinstance(columns, str) else COLUMNS if columns is None else columns
    names = [full_name(name) for name in listed]
    chosen = {name: quantity(name) for name in names}
    measured: dict[str, dict[str, float]] = {}
    for _, rows in groups_by_data(rows_of(records)):
        for readings in compare(rows[0].first.routing, rows).readings:
            for reading in readings:
                values = {name: float(each.read(reading)) for name, each in chosen.items()}
                measured[reading.record.key] = values
    lines = [
        {**_identity(record), **record.params, **measured[record.key]}
        for record in records
        if record.key in measured
    ]
    parameters = dict.fromkeys(name for record in records for name in record.params)
    identity = [name for name in IDENTITY if name != "key"]
    varying = [name for name in parameters if _varies(name, records)]
    fixed = [name for name in parameters if name not in varying]
    frame = pd.DataFrame(lines, columns=[*identity, *varying, *names, *fixed, "key"])
    # Keep integers as integers, even where another method lacks the parameter.
    return frame.astype({name: frame[name].convert_dtypes().dtype for name in parameters})


def _varies(name: str, records: Sequence[Record]) -> bool:
    """Whether runs of one method have several values of a parameter."""
    found = {
        (record.method, str(record.params[name])) for record in records if name in record.params
    }
    return len(found) > len({method for method, _ in found})


def long_frame(records: Sequence[Record], of: Callable[[Record], pd.DataFrame]) -> pd.DataFrame:
    """Concatenate a table of all runs, each row with the identity of its run in front.

    Args:
        records: the runs.
        of: the table of a run, such as its scores.
    """
    import pandas as pd

    parts = []
    for record in records:
        part = of(record).copy()
        for position, (name, value) in enumerate(_identity(record).items()):
            part.insert(position, name if name not in part else f"run_{name}", value)
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*IDENTITY])


def matrix_frame(records: Sequence[Record], metric: str) -> pd.DataFrame:
    """Return the mean matrix R of runs with one order: R[t, c] in row t and column c.

    Args:
        records: runs of one configuration and order.
        metric: a metric of categories, such as `auroc`.

    Raises:
        UsageError: the runs have several orders, or no metric has this name.
    """
    import numpy as np
    import pandas as pd

    from ...results.analysis.quantities import stored_matrix

    check_metric(metric)
    if len({tuple(record.categories) for record in records}) > 1:
        orders = ", ".join(sorted({record.order for record in records}))
        raise UsageError(f"a matrix has one order of categories, and these runs have {orders}")
    stack = np.stack([stored_matrix(record, base=metric)[0] for record in records])
    index = pd.RangeIndex(1, stack.shape[1] + 1, name="experience")
    columns = pd.Index(records[0].categories, name="category")
    return pd.DataFrame(stack.mean(axis=0), index=index, columns=columns)


def _identity(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in IDENTITY}
