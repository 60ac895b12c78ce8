"""The built-in synthetic dataset, generated in the cache folder on first use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...system.reporting import Reporter
from .. import synthetic
from ..reader import AutoRule
from .mvtec_layout import MvtecLayout


class Synthetic(MvtecLayout):
    """A dataset that needs no folder of the user."""

    title = "the synthetic set"
    categories = synthetic.CATEGORIES

    def provide(self, cache: Path, reporter: Reporter) -> Path:
        return synthetic.ensure_generated(cache, reporter)

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "generated"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        return f"dataset: {name}, {len(synthetic.CATEGORIES)} generated categories"
