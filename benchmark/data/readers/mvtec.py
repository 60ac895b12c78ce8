"""MVTec AD (Bergmann et al., CVPR 2019)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmark.data.mvtec import MVTEC_CATEGORIES, SOURCE
from benchmark.data.reader import Automatic
from benchmark.data.readers.mvtec_layout import MvtecLayout


class Mvtec(MvtecLayout):
    """The data set that `--dataset auto` looks for first."""

    title = "MVTec AD"
    source = SOURCE
    categories: ClassVar[tuple[str, ...]] = tuple(MVTEC_CATEGORIES)
    counts = MVTEC_CATEGORIES
    folders = ("mvtec", "mvtec_ad", "mvtec_anomaly_detection")

    def automatic(self, place: Path | None) -> Automatic:
        return "default"
