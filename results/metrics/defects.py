"""AUROC of each kind of defect: its images against the good ones of the category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    scored = scores[scores["experience"] == experience]
    names = ("category", "defect", "label", "score")
    category, defect, label, score = (scored[name].to_numpy() for name in names)
    found = {}
    for name in np.unique(category.astype(str)):
        of_category = category == name
        good = of_category & (label == 0)
        for kind in np.unique(defect[of_category & (label == 1)].astype(str)):
            own = of_category & (label == 1) & (defect == kind)
            values = np.concatenate([score[good], score[own]])
            labels = np.repeat([False, True], [good.sum(), own.sum()])
            found[str(name), str(kind)] = auroc(values, labels), int(own.sum())
    return found
