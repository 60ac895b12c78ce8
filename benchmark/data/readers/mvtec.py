"""MVTec AD (Bergmann et al., CVPR 2019)."""

from __future__ import annotations

from pathlib import Path

from ..reader import AutoRule
from .mvtec_layout import MvtecLayout
from .published import Published


class Mvtec(Published, MvtecLayout, entry="mvtec"):
    """The dataset that `--dataset auto` looks for first."""

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "default"
