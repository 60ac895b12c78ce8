"""MVTec AD: how to find it on disk, and how to obtain it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.data.catalog import load_entry
from benchmark.data.layout import categories_in

_ENTRY = load_entry("mvtec")

MVTEC_CATEGORIES = {name: official.images for name, official in _ENTRY.official.items()}
"""As published (Bergmann et al., CVPR 2019): 3,629 training and 1,725 test images."""

HOW_TO_OBTAIN = (
    "`cadbench data download mvtec` fetches MVTec AD once you accept its licence "
    f"({_ENTRY.licence.name}, non-commercial use only); or get it from "
    f"{_ENTRY.home.removeprefix('https://')}, unpack it, and give its folder with --data-root or "
    "CADBENCH_DATA"
)

_SUBFOLDERS = ("", *_ENTRY.folders)


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
