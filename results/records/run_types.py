"""Checks that the entries of run.json have the types of `Run` and fit each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import RecordError
from ..validation import convert, mismatch
from .schema import Run, columns_of

_MAX_SEED = 2**63


def check_run(run: Mapping[str, Any], where: str) -> None:
    """Raise `RecordError` for the first entry that differs from `Run`, or contradicts another.

    Entries that `Run` does not list are those of a newer release; they are not checked.

    Args:
        run: the content of run.json.
        where: the file, for the message.
    """
    import msgspec

    try:
        msgspec.convert(run, Run)
    except (msgspec.ValidationError, UnicodeError):
        convert(run, Run, where, RecordError)  # four times slower; finds the entry
        raise
    _check_stream(run, where)
    _check_measured(run, where)


def _check_stream(run: Mapping[str, Any], where: str) -> None:
    cell = run["cell"]
    categories = [category for experience in run["experiences"] for category in experience]
    if not categories or not all(run["experiences"]) or len(set(categories)) != len(categories):
        raise RecordError(f"{where}: experiences must introduce each category once")
    if categories != list(columns_of(cell)):
        raise RecordError(f"{where}: experiences differ from the order in cell")
    if len(run.get("costs", run["experiences"])) != len(run["experiences"]):
        raise RecordError(f"{where}: costs must have one entry per experience")
    if run["protocol"] != cell["protocol"]:
        raise RecordError(f"{where}: protocol differs from the one in cell")
    if not 0 <= cell["seed"] < _MAX_SEED:
        expected = f"a whole number from 0 to {_MAX_SEED - 1}"
        raise RecordError(mismatch(f"{where}: cell.seed", expected, cell["seed"]))
    if not re.fullmatch("[0-9a-f]{64}", cell["manifest"]):
        raise RecordError(mismatch(f"{where}: cell.manifest", "a SHA-256", cell["manifest"]))
    for path, grid in (
        ("features.grid", run["features"]["grid"]),
        ("map_grid", run.get("map_grid", [1, 1])),
    ):
        if len(grid) != 2 or min(grid) < 1:
            raise RecordError(mismatch(f"{where}: {path}", "height and width", grid))


def _check_measured(run: Mapping[str, Any], where: str) -> None:
    timing = run.get("timing", {"update_seconds": [], "ms_per_image": 0})
    for path, values in (
        ("seconds.total", [run["seconds"]["total"]]),
        ("pixels", [each["share"] for each in run["pixels"].values()]),
        ("timing.update_seconds", timing["update_seconds"]),
        ("timing.ms_per_image", [timing["ms_per_image"]]),
        ("timing.update_joules", timing.get("update_joules", [])),
        ("costs", [value for each in run.get("costs", ()) for value in each.values()]),
    ):
        for value in values:
            if value is not None and value < 0:
                raise RecordError(mismatch(f"{where}: {path}", "a number from 0", value))
