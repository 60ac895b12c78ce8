"""AUROC of each kind of defect: its images against the good ones of the category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .image.auroc import auroc

if TYPE_CHECKING:
    import pandas as pd

Kind = tuple[str, str]
"""Category and kind of defect."""


def defect_aurocs(scores: pd.DataFrame, experience: int) -> dict[Kind, tuple[float, int]]:
    """Kind of defect -> AUROC after an experience, and the number of its images.

    Args:
        scores: the scores of a record.
        experience: the experience, from 1.

    Returns:
        The kinds that were scored, sorted. A kind counts only the good images of its category, so
        the mean over a category's kinds, weighted by their images, is the category's AUROC.
    """
    found = {}
    scored = scores[scores["experience"] == experience]
    for category, images in scored.groupby("category", observed=True):
        values, labels = images["score"].to_numpy(), images["label"].to_numpy()
        defects = images["defect"].astype(str).to_numpy()
        for defect in sorted(set(defects[labels == 1])):
            own = (labels == 1) & (defects == defect)
            counted = own | (labels == 0)
            found[str(category), defect] = auroc(values[counted], own[counted]), int(own.sum())
    return found
