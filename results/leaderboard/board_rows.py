"""Boards as data from records: their rows, and the differences between rows."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..analysis.comparable import common_rows
from ..analysis.comparison import compare, final_row
from ..analysis.joint import is_reference
from ..analysis.quantities import quantity
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import (
    NOT_OF_THE_ROW,
    Row,
    backbone_labels,
    by_routing,
    method_version,
    rows_of,
    version_order,
)
from ..errors import UsageError
from ..records.provenance import provenance
from ..records.record import Record
from ..records.schema import canonical_json
from ..rendering.table import Spread
from ..statistics.bootstrap import Bootstrap, Interval, percentiles
from ..statistics.paired import paired
from .board_file import BoardFile, BoardRow, Difference, Estimate, sorted_rows

VALUES = (
    "acc", "aupro.acc", "bwt", "fm", "stored_mb", "routing_accuracy", "update_seconds",
    "ms_per_image",
)  # fmt: skip
"""The quantities of a row. The last two exist only where `--time` measured them."""

_DIGITS = 6
"""Decimals of numbers, so that machines that differ in the last bits write the same file."""

Describe = Callable[[Row], tuple[Mapping[str, Any], str]]
"""The default parameters of a row's method, and the command that computes the row."""


def board_files(
    records: Iterable[Record], describe: Describe, bootstrap: Bootstrap
) -> list[tuple[BoardFile, dict[str, Row]]]:
    """One board per protocol, images and routing, and the runs behind its rows by their ids."""
    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for of_routing in by_routing(records).values():
        for row in sorted(rows_of(of_routing), key=lambda row: version_order(row.first)):
            groups.setdefault(row.data, {})[row_id(row.first)] = row  # the latest version
    found = []
    for _, rows in sorted(groups.items()):
        first = next(iter(rows.values())).first
        described = [_row(name, row, describe, bootstrap) for name, row in rows.items()]
        board = BoardFile(
            schema=1,
            protocol=first.protocol,
            dataset=str(first.cell["dataset"]),
            manifest=str(first.cell["manifest"]),
            settings=next(iter(rows.values())).identity,
            rows=sorted_rows(described),
            differences=[],
        )
        found.append((board, rows))
    return found


def row_id(record: Record) -> str:
    """12 digits that name a configuration, whatever the version of its method."""
    cell = {name: value for name, value in record.cell.items() if name not in NOT_OF_THE_ROW}
    cell["method"] = {name: value for name, value in cell["method"].items() if name != "version"}
    return hashlib.sha256(canonical_json(cell)).hexdigest()[:12]


def measure_difference(
    one: str, other: str, rows: Mapping[str, Row], bootstrap: Bootstrap
) -> Difference | None:
    """Compare two rows on the runs that both have; None without records or common runs."""
    if one not in rows or other not in rows:
        return None
    try:
        pair = common_rows([rows[one], rows[other]])
    except UsageError:  # no common run
        return None
    compared = paired(pair, "auroc", "final", "category")
    replicates = compared.replicates(bootstrap)
    if replicates is None or not compared.units.size:
        return None
    difference = float((compared.units[0] - compared.units[1]).mean())
    low, high = percentiles(replicates[0] - replicates[1])
    difference, low, high = (round(value, _DIGITS) for value in (difference, low, high))
    return Difference(one, other, difference, low, high, runs=len(pair[0].records))


def _row(name: str, row: Row, describe: Describe, bootstrap: Bootstrap) -> BoardRow:
    defaults, command = describe(row)
    made = provenance(row.records)
    (readings,) = compare(row.first.routing, [row]).readings
    values = {}
    for each in VALUES:
        read = quantity(each).read
        spread = spread_over_runs(row.records, map(read, readings))
        if spread.n:
            interval = bootstrap.intervals([read], readings)[0] if each == "acc" else None
            values[each] = _estimate(spread, interval)
    finals = [final_row(record) for record in row.records]
    means = {
        category: Spread.of(final.get(category, math.nan) for final in finals).mean
        for category in sorted(row.first.categories)
    }
    params, tuned = row.first.params, row.first.cell.get("tuned", {}).get("params", {})
    return BoardRow(
        id=name,
        method=row.first.method,
        version=method_version(row.first),
        params={n: v for n, v in params.items() if n in tuned or defaults.get(n, object) != v},
        backbone=backbone_labels([row])[0],
        seeds=row.seeds,
        orders=row.orders,
        records=sorted(record.key for record in row.records),
        values=values,
        categories={c: round(mean, _DIGITS) for c, mean in means.items() if not math.isnan(mean)},
        versions={name: made[name] for name in ("cadbench", "torch") if name in made},
        reference=is_reference(row),
        command=command,
    )


def _estimate(spread: Spread, interval: Interval | None = None) -> Estimate:
    ends = (interval.low, interval.high) if interval else ()
    others = (
        None if math.isnan(value) else round(value, _DIGITS) for value in (spread.deviation, *ends)
    )
    return Estimate(round(spread.mean, _DIGITS) + 0.0, spread.n, *others)  # + 0.0: no minus zero
