"""MVTec AD: its official contents, how to find it on disk, and how to obtain it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmark.data.layout import categories_in


class Counts(NamedTuple):
    """Images of a category."""

    train: int
    test_good: int
    test_defective: int


MVTEC_CATEGORIES = {
    "bottle": Counts(209, 20, 63),
    "cable": Counts(224, 58, 92),
    "capsule": Counts(219, 23, 109),
    "carpet": Counts(280, 28, 89),
    "grid": Counts(264, 21, 57),
    "hazelnut": Counts(391, 40, 70),
    "leather": Counts(245, 32, 92),
    "metal_nut": Counts(220, 22, 93),
    "pill": Counts(267, 26, 141),
    "screw": Counts(320, 41, 119),
    "tile": Counts(230, 33, 84),
    "toothbrush": Counts(60, 12, 30),
    "transistor": Counts(213, 60, 40),
    "wood": Counts(247, 19, 60),
    "zipper": Counts(240, 32, 119),
}
"""As published (Bergmann et al., CVPR 2019): 3,629 training and 1,725 test images."""

HOW_TO_OBTAIN = (
    "get MVTec AD from www.mvtec.com/company/research/datasets/mvtec-ad (CC BY-NC-SA 4.0, "
    "non-commercial use only), unpack it, and give its folder with --data-root or CADBENCH_DATA"
)

_SUBFOLDERS = ("", "mvtec", "mvtec_ad", "mvtec_anomaly_detection")


def mvtec_categories_in(folder: Path) -> list[str]:
    """The official categories that lie in `folder`, sorted."""
    return [name for name in categories_in(folder) if name in MVTEC_CATEGORIES]


def find_mvtec(places: Iterable[Path], *, mixed: bool = False) -> Path | None:
    """The first of the places, or of their usual subfolders, that holds MVTec AD or part of it.

    A folder with other categories too counts only where `mixed` says so.
    """
    for place in places:
        for name in _SUBFOLDERS:
            folder = place / name
            official = mvtec_categories_in(folder)
            if official and (mixed or official == categories_in(folder)):
                return folder
    return None
