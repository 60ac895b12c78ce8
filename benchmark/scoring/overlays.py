"""Overlays: the anomaly map of an image in color over the image, as PNG files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ...results.records.record import Record
from ...results.storage.files import whole_file
from ..data.images.reading import read_image
from ..data.manifest import Manifest
from ..pixels.maps import full_maps
from ..recorded_images.heat_colors import heat_colors, heat_range
from ..recorded_images.image import final_scores
from ..running.cell import Cell

_STRONGEST = 0.75
"""Share of the color where the map is highest; the image is unchanged where it is lowest."""


def write_overlays(
    folder: Path, record: Record, cell: Cell, manifest: Manifest, maps: np.ndarray
) -> None:
    """Write one PNG per image: the part of the image that the backbone received, under its map.

    The colors are those of the report: their range is that of the record's test images, of the same
    category under oracle routing, so that images scored at different times can be compared.

    Args:
        folder: where to write; files of the same name are replaced.
        record: the record of the method.
        cell: its cell.
        manifest: the images.
        maps: (n, h, w) anomaly map of each item.
    """
    import torch
    from PIL import Image

    category = manifest.categories[0] if cell.routing == "oracle" else None
    low, high = _range(record, category, maps)
    preprocessing = cell.features.preprocessing
    for item, name, patches in zip(manifest.items, _names(manifest), maps, strict=True):
        image = read_image(manifest.root, item, preprocessing).transpose(1, 2, 0)
        patch_map = torch.from_numpy(patches[None])
        full = full_maps(patch_map, preprocessing.crop, cell.maps)[0].numpy()
        with whole_file(folder / name) as temporary:
            Image.fromarray(overlay(image, full, low, high)).save(temporary, "PNG")


def overlay(image: np.ndarray, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Lay a map in color over an image.

    Args:
        image: (H, W, 3) uint8.
        values: (H, W) anomaly map.
        low, high: values of the darkest and the brightest color.

    Returns:
        (H, W, 3) uint8.
    """
    colors, share = heat_colors(values, low, high)
    opacity = _STRONGEST * share[..., None] ** 2  # the middle of the range hides little
    mixed: np.ndarray = np.rint((1 - opacity) * image + opacity * colors).astype(np.uint8)
    return mixed


def _range(record: Record, category: str | None, maps: np.ndarray) -> tuple[float, float]:
    recorded = record.maps()
    if recorded is None:
        return heat_range(maps)
    scores = final_scores(record)
    if category is not None:
        scores = scores[scores["category"] == category]
    return heat_range(recorded[scores["map_row"].to_numpy()])


def _names(manifest: Manifest) -> Sequence[str]:
    """Paths of the overlays: those of the images with the ending .png, each once."""
    paths = [PurePosixPath(item.path) for item in manifest.items]
    count = Counter(str(path.with_suffix("")) for path in paths)
    return [
        f"{path if count[str(path.with_suffix(''))] > 1 else path.with_suffix('')}.png"
        for path in paths
    ]
