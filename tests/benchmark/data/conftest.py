"""A small dataset in the MVTec layout, drawn anew for each test that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Path]


def noise(seed: int, height: int = 12, width: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Draw:
    """save(relative path, array) -> the path, with the folders it needs."""

    def write(relative: str, pixels: np.ndarray, **options: object) -> Path:
        path = tmp_path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


@pytest.fixture
def dataset(save: Draw, tmp_path: Path) -> Path:
    """Categories `nut` and `cup`: 3 training, 2 good and 2 scratched test images with masks."""
    seed = 0
    for category in ("nut", "cup"):
        for folder, count in (("train/good", 3), ("test/good", 2), ("test/scratch", 2)):
            for index in range(count):
                save(f"set/{category}/{folder}/{index:03}.png", noise(seed))
                seed += 1
        for index in range(2):
            mask = np.zeros((12, 10), np.uint8)
            mask[index, :5] = 255
            save(f"set/{category}/ground_truth/scratch/{index:03}_mask.png", mask)
    return tmp_path / "set"
