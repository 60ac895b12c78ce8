"""Check an imported record: complete, consistent, and its metrics equal to those of its scores.

Pixel metrics of single categories need the dataset's masks, so they, the seconds and the memory
cannot be checked. Metrics that only one of the two releases has are not compared: those that the
record lacks are computed from the scores when a table needs them, and those that this release does
not know stay in the record and are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadbenchError, RecordError
from ..metrics.compute import compute_metrics
from ..metrics.operating_points import HeldOut
from ..metrics.registry import METRICS, PIXEL_METRICS, is_known, split_name
from ..records.record import MAPS_FILE, RUN_FILE, STATE_FILE, Record, load_record
from ..records.schema import OPTIONAL_TABLES, TABLES, metrics_of
from .limits import MAX_BYTES, strict_json
from .run_values import check_values
from .state_file import check_state_file
from .table_types import check_tables

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
"""Allowed between a stored and a recomputed value: sums differ in the last digits by machine."""

Place = tuple[str, int | None, str | None]
"""(metric, t, category) of a row of metrics.parquet."""

RunCheck = Callable[[Mapping[str, Any]], None]
"""Raises `CadbenchError` where run.json contradicts itself in entries of other packages."""


def load_verified(folder: Path, more_checks: RunCheck = lambda run: None) -> Record:
    """Check everything about the record in `folder` and load it.

    Checked: the list of files, checksums, schema and key, the types and values of run.json, the
    columns and values of the tables, the shape of the maps, completeness of the scores, every known
    metric against its recomputation, and that the tables of one record can be made from it.

    Args:
        folder: the unpacked record.
        more_checks: checks of run.json that need other packages.

    Raises:
        RecordError: says what is wrong.
    """
    try:
        run = strict_json((folder / RUN_FILE).read_bytes(), RUN_FILE)
        if not isinstance(run, dict) or not isinstance(run.get("cell"), dict):
            raise RecordError(f"{RUN_FILE} does not hold a record")
        record = load_record(folder)
        check_values(run)
        more_checks(record.run)
        _check_files(record)
        record.verify()
        check_tables(record)
        _check_maps(record)
        if record.has_state:
            check_state_file(record.path / STATE_FILE)
        _check_metrics(record)
        _make_tables(record)
    except Exception as error:  # anybody may have written these files
        raise RecordError(_describe_error(error, folder)) from error
    return record


def describe_damage(record: Record) -> str | None:
    """Return why tables cannot be made from a record, or None if they can.

    Checked: the list of files, checksums, the columns and values of the tables, and the shape of
    the maps. Metrics are not computed again.
    """
    try:
        again = load_record(record.path)
        _check_files(again)
        again.verify()
        check_tables(again)
        _check_maps(again)
        _make_tables(again)
    except Exception as error:
        return _describe_error(error, record.path)
    return None


def _describe_error(error: Exception, folder: Path) -> str:
    """Describe what is wrong with a record, without its folder."""
    if isinstance(error, CadbenchError):
        return str(error).replace(f"{folder}/", "").replace(str(folder), "it")
    return f"it cannot be used ({type(error).__name__}: {' '.join(str(error).split())})"


def has_pixel_metrics(record: Record) -> bool:
    """Whether it holds numbers that cannot be recomputed."""
    return bool(record.metrics["metric"].isin(PIXEL_METRICS).any())


def _check_files(record: Record) -> None:
    expected = {f"{name}.parquet" for name in TABLES}
    listed = set(record.run["checksums"])
    if "holdout" in record.cell:
        expected |= {f"{name}.parquet" for name in OPTIONAL_TABLES}
    if listed - {MAPS_FILE, STATE_FILE} != expected or (
        MAPS_FILE in listed and record.run["maps"] == "none"
    ):
        raise RecordError(f"{RUN_FILE}: checksums are not those of a record's files")
    there = {entry.name for entry in record.path.iterdir()} - {RUN_FILE}
    if further := sorted(there - listed):
        raise RecordError(f"{further[0]} has no checksum in {RUN_FILE}")
    for entry in record.path.iterdir():
        if entry.name != STATE_FILE and entry.stat().st_size > MAX_BYTES[entry.name]:
            raise RecordError(f"{entry.name} is larger than {MAX_BYTES[entry.name]} bytes")


def _check_maps(record: Record) -> None:
    maps = record.maps()
    if maps is not None and not np.isfinite(maps).all():
        raise RecordError(f"{MAPS_FILE} holds values that are not finite")


def metric_differences(record: Record) -> tuple[int, list[str], float]:
    """Compute every known metric again from the scores of a record.

    Returns:
        The number of stored values that were compared, one line per value that the scores do not
        give, and the largest difference of two values.

    Raises:
        RecordError: a row of metrics.parquet is there twice, or belongs to no scores or masks.
    """
    every = _by_place(record.metrics)
    if len(every) != len(record.metrics):
        raise RecordError("metrics.parquet holds a metric twice")
    stored = {place: value for place, value in every.items() if is_known(place[0])}
    pixels = _pixel_cells(record, stored)
    events = record.events
    held_out = HeldOut.of_cell(record.held_out, record.cell)
    computed = _by_place(
        compute_metrics(record.scores, record.experiences, record.routing, events, pixels, held_out)
    )
    of_its_release = metrics_of(record.run)
    differences, largest = [], 0.0
    for place in sorted(computed.keys() | stored.keys(), key=str):
        if place not in stored:
            if of_its_release.issuperset(_metrics_in(place[0])):
                differences.append(f"{_describe(place)} is missing in metrics.parquet")
            continue
        if place not in computed:
            differences.append(f"{_describe(place)} is not a metric of these scores")
            continue
        (value, n), (mine, count) = stored[place], computed[place]
        if np.isfinite(value) and np.isfinite(mine):
            largest = max(largest, abs(value - mine))
        if not np.isclose(value, mine, rtol=0, atol=TOLERANCE, equal_nan=True):
            differences.append(
                f"{_describe(place)} is {value:.6g} in the record and {mine:.6g} from its scores"
            )
        elif n != count:
            differences.append(f"{_describe(place)} counts {n}, its scores {count}")
    return len(stored), differences, largest


def _check_metrics(record: Record) -> None:
    """`RecordError` names the first known row of metrics.parquet that its scores do not give."""
    _, differences, _ = metric_differences(record)
    if differences:
        raise RecordError(differences[0])


def _metrics_in(name: str) -> set[str]:
    """The metrics that a name in metrics.parquet is made of: for `ap.bwt` both `ap` and `bwt`."""
    return {name} if name in METRICS else set(split_name(name))


def _pixel_cells(
    record: Record, stored: Mapping[Place, tuple[float, int]]
) -> dict[tuple[int, str], dict[str, float]]:
    """The stored pixel metrics of single categories; those of the entire run follow from them."""
    cells: dict[tuple[int, str], dict[str, float]] = {}
    sizes = record.scores.groupby(["experience", "category"]).size().to_dict()
    for (metric, t, category), (value, n) in stored.items():
        if metric not in PIXEL_METRICS or t is None or category is None:
            continue
        if not (np.isnan(value) or 0 <= value <= 1):
            raise RecordError(f"{_describe((metric, t, category))} is {value:.6g}, outside 0 to 1")
        if (t, category) not in sizes or category not in record.run["pixels"]:
            raise RecordError(f"{_describe((metric, t, category))} has no scores or no masks")
        cell = cells.setdefault((t, category), {})
        cell |= {metric: value, "n": n, "share": record.run["pixels"][category]["share"]}
    expected = PIXEL_METRICS.keys() & metrics_of(record.run)
    for (t, category), cell in cells.items():
        if missing := expected - cell.keys():
            raise RecordError(f"{_describe((min(missing), t, category))} is missing")
    return cells


def _by_place(metrics: pd.DataFrame) -> dict[Place, tuple[float, int]]:
    import pandas as pd

    columns = (metrics[name] for name in ("metric", "t", "category", "value", "n"))
    return {
        (
            str(metric),
            None if pd.isna(t) else int(t),
            None if pd.isna(category) else str(category),
        ): (float(value), int(n))
        for metric, t, category, value, n in zip(*columns, strict=True)
    }


def _describe(place: Place) -> str:
    metric, t, category = place
    return (
        metric
        + (f" of {category}" if category is not None else "")
        + (f" after experience {t}" if t is not None else "")
    )


def _make_tables(record: Record) -> None:
    """Make the tables of this record alone, so that it cannot break those of other records."""
    from ..leaderboard.boards import leaderboard
    from ..tables.comparison import main_tables
    from ..tables.single_run import assignments_table, matrix_table, memory_table, metrics_table

    leaderboard([record])
    main_tables([record])
    matrix_table(record)
    memory_table(record)
    metrics_table(record)
    if "chosen" in record.events:
        assignments_table(record)
