"""MVTec LOCO AD (Bergmann et al., IJCV 2022): masks of several files per image.

    <root>/<category>/train/good/*
    <root>/<category>/validation/good/*                    not used
    <root>/<category>/test/{good,logical_anomalies,structural_anomalies}/*
    <root>/<category>/ground_truth/<defect>/<stem>/*       combined; a pixel above 0 is defective

The validation images are good images for tuning a method. cadbench does not tune, and methods train
on `train` only, as on MVTec AD.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..folders import images_in, names_in
from .mvtec_layout import Masks, MvtecLayout
from .published import Published


class MvtecLoco(Published, MvtecLayout, entry="mvtec_loco"):
    """Five categories with logical and structural anomalies."""

    layout = "<category>/train/good/* and <category>/test/{good,logical_anomalies,structural_anomalies}/*"  # noqa: E501

    unused = ("validation",)
    labeled_masks = True

    def masks(self, root: Path, category: str) -> Masks:
        folder = PurePosixPath(category, "ground_truth")
        return {
            defect: {
                stem: tuple(images)
                for stem in names_in(root / folder / defect, folders=True)
                if (images := images_in(root, folder / defect / stem))
            }
            for defect in names_in(root / folder, folders=True)
            if defect != self.good
        }
