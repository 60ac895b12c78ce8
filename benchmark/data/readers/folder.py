"""A folder of the user: the MVTec AD layout, or a layout described by a `cadbench-data.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....results.counts import format_count
from ..reader import AutoRule, Reader
from .described_layout import DESCRIPTION, Described, description_at
from .mvtec_layout import MvtecLayout


class Folder(MvtecLayout):
    """Any categories. The dataset is named after the folder, or as the description says."""

    title = "a folder of your own"

    def resolve(self, place: Path) -> tuple[Reader, Path]:
        file = description_at(place)
        if file is None:
            return self, place
        described = Described(file)
        return described, described.root

    def own_name(self, root: Path) -> str:
        return root.resolve().name

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "described" if place is not None and description_at(place) else "folder"

    def not_found_message(self, root: Path) -> str:
        more = "" if (root / "train").is_dir() else f", or a {DESCRIPTION} that describes another"
        return super().not_found_message(root) + more

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        count = format_count(len(found), "category")
        return f"dataset: {name}, {count} in the folder {root} (not MVTec AD)"
