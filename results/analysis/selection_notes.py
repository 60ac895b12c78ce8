"""Notes on how values of parameters were chosen: on training images, or with the test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..counts import format_count
from ..records.record import Record
from .rows import Row, plain


def selection_notes(rows: Sequence[Row]) -> list[str]:
    """Return one note on rows that were tuned, and one on parameters with several values.

    Args:
        rows: the rows of a table.
    """
    tuned: dict[str, None] = {}
    tried: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        method, mark = row.first.method, row.first.cell.get("tuned")
        if mark is None:
            for name, value in row.first.params.items():
                tried.setdefault((method, name), set()).add(repr(value))
            continue
        for name, values in mark["params"].items():
            count = format_count(len(values), "value")
            tuned[f"{method}.{name} ({count}, on {mark['on']})"] = None
    swept = [
        f"{len(values)} values of {method}.{name}"
        for (method, name), values in tried.items()
        if len(values) > 1
    ]
    notes = []
    if tuned:
        notes.append(
            f"tuned: chosen on held-out training images with drawn defects: {', '.join(tuned)}"
        )
    if swept:
        notes.append(
            f"{', '.join(swept)} were run: the best of these rows is selected on test data"
        )
    return notes


def choice_lines(record: Record) -> list[str]:
    """Say how the parameters of a run were chosen, and how its training images are contaminated."""
    lines = []
    if tuning := record.run.get("tuning"):
        found = [f"{_values(each['params'])} {each['auroc']:.4f}" for each in tuning["tried"]]
        lines.append(
            f"tuned: {_values(tuning['chosen'])} (AUROC on drawn defects on training images of "
            f"{tuning['on']}: {', '.join(found)}; {tuning['seconds']:.1f} s)"
        )
    if contaminated := record.run.get("contaminated"):
        counts = (f"{c} {each['moved']} of {each['train']}" for c, each in contaminated.items())
        lines.append(f"defective training images: {', '.join(counts)}")
    return lines


def _values(params: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={plain(value)}" for name, value in params.items())
