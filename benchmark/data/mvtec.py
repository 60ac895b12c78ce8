"""MVTec AD: its official contents, and how to obtain it."""

from __future__ import annotations

from typing import NamedTuple


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

SOURCE = (
    "www.mvtec.com/company/research/datasets/mvtec-ad (CC BY-NC-SA 4.0, non-commercial use only)"
)
HOW_TO_OBTAIN = (
    f"get MVTec AD from {SOURCE}, unpack it, and give its folder with --data-root or CADBENCH_DATA"
)
