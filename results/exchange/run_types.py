"""Checks the run.json of an imported record against `Run`, before anything else reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import RecordError
from ..records.record import RUN_FILE
from ..records.schema import Run, columns_of
from ..sanitizing import is_printable
from ..validation import convert, mismatch, shorten
from .limits import MAX_TEXT

_MAX_SEED = 2**63


def check_run(run: Mapping[str, Any]) -> None:
    """Raise `RecordError` for the first entry that differs from `Run`.

    Further entries are those of a newer release: only their texts and numbers are checked.
    """
    _check_values(run, "")
    convert(run, Run, RUN_FILE, RecordError)
    _check_stream(run)
    _check_measured(run)


def check_text(text: str, where: str) -> None:
    """Raise `RecordError` for long texts, control characters, direction marks and surrogates."""
    if len(text) > MAX_TEXT:
        raise RecordError(f"{where}: a text has {len(text)} characters, the limit is {MAX_TEXT}")
    if not is_printable(text):
        raise RecordError(f"{where}: a text has unprintable characters: {shorten(text)}")


def _check_stream(run: Mapping[str, Any]) -> None:
    cell = run["cell"]
    categories = [category for experience in run["experiences"] for category in experience]
    if not categories or not all(run["experiences"]) or len(set(categories)) != len(categories):
        raise RecordError(f"{RUN_FILE}: experiences must introduce each category once")
    if categories != list(columns_of(cell)):
        raise RecordError(f"{RUN_FILE}: experiences differ from the order in cell")
    if run["protocol"] != cell["protocol"]:
        raise RecordError(f"{RUN_FILE}: protocol differs from the one in cell")
    if not 0 <= cell["seed"] < _MAX_SEED:
        expected = f"a whole number from 0 to {_MAX_SEED - 1}"
        raise RecordError(mismatch(f"{RUN_FILE}: cell.seed", expected, cell["seed"]))
    if not re.fullmatch("[0-9a-f]{64}", cell["manifest"]):
        raise RecordError(mismatch(f"{RUN_FILE}: cell.manifest", "a SHA-256", cell["manifest"]))


def _check_measured(run: Mapping[str, Any]) -> None:
    timing = run.get("timing", {"update_seconds": [], "ms_per_image": 0})
    for path, values in (
        ("seconds.total", [run["seconds"]["total"]]),
        ("pixels", [each["share"] for each in run["pixels"].values()]),
        ("timing.update_seconds", timing["update_seconds"]),
        ("timing.ms_per_image", [timing["ms_per_image"]]),
    ):
        for value in values:
            if value < 0:
                raise RecordError(mismatch(f"{RUN_FILE}: {path}", "a number from 0", value))


def _check_values(value: Any, path: str) -> None:
    """Check all texts and numbers, also in entries whose content `Run` leaves open."""
    where = f"{RUN_FILE}: {path}" if path else RUN_FILE
    if isinstance(value, str):
        check_text(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise RecordError(mismatch(where, "a finite number", value))
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            check_text(name, where)
            _check_values(inner, f"{path}.{name}".lstrip("."))
