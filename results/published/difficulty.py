"""How difficult each category is: its AUROC with a memory bank of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..analysis.comparison import final_row
from ..records.record import Record
from .rows import NOT_CONTINUAL, PublishedRow, load_published

REFERENCE = "per_category"
"""The method whose AUROC orders the categories: no category shares its memory with another."""

_PUBLISHED = "PatchCore"
"""The published detector that is used where the dataset has its values per category."""


def measured_difficulty(records: Iterable[Record]) -> dict[str, float]:
    """Average the AUROC of each category after the last experience over records of one dataset."""
    values: dict[str, list[float]] = {}
    for record in records:
        for category, value in final_row(record).items():
            values.setdefault(category, []).append(value)
    return {category: float(np.mean(each)) for category, each in values.items()}


def published_difficulty(dataset: str) -> tuple[dict[str, float], str]:
    """Return the published AUROC of each category with one model per category, and its source.

    Args:
        dataset: name of the dataset.

    Returns:
        Category -> AUROC, and where it was published; both empty if no shipped file has it.
    """
    for row in load_published():
        if _is_reference(row) and row.dataset == dataset:
            return dict(row.by_category), f"{row.method} ({row.source})"
    return {}, ""


def sort_by_difficulty(auroc: Mapping[str, float], *, easy_first: bool) -> tuple[str, ...]:
    """Sort categories by AUROC; equal values by name, so that the result is the same everywhere."""
    sign = -1 if easy_first else 1
    return tuple(sorted(auroc, key=lambda category: (sign * auroc[category], category)))


def _is_reference(row: PublishedRow) -> bool:
    return (
        row.method.startswith(_PUBLISHED)
        and row.metric == "image_auroc"
        and row.acc_definition == NOT_CONTINUAL
        and bool(row.by_category)
    )
