"""MVTec AD (Bergmann et al., CVPR 2019)."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.reader import Automatic
from benchmark.data.readers.mvtec_layout import MvtecLayout
from benchmark.data.readers.published import Published


class Mvtec(Published, MvtecLayout, entry="mvtec"):
    """The data set that `--dataset auto` looks for first."""

    def automatic(self, place: Path | None) -> Automatic:
        return "default"
