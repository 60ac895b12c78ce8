"""Pixel metrics of one row of the matrix: all four together, against plain computations.

`python tests/bench/pixels.py [--images N] [--categories N]` uses random patch maps and masks with 1
to 3 defects per image, by default as many as the test set of MVTec AD (15 categories, 1,725 images
of 224 x 224). Plain computations on the same full maps are scikit-learn's `roc_auc_score`, and
AUPRO at a grid of 200 thresholds, which is approximate.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.pixels.maps import MapSpec, full_maps
from cadbench.benchmark.pixels.metrics import pixel_metrics
from cadbench.benchmark.pixels.truth import Truth, find_regions
from sklearn.metrics import roc_auc_score

SIZE, GRID, THRESHOLDS = 224, 28, 200


def category(images: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Truth]:
    """(maps (N, 28, 28) float16, masks (N, 224, 224) bool, truth); 3 of 4 images are defective."""
    maps = rng.random((images, GRID, GRID))
    masks = np.zeros((images, SIZE, SIZE), bool)
    for index in range(images):
        for _ in range(rng.integers(1, 4) if index % 4 else 0):
            (y, x), side = rng.integers(0, SIZE - 60, 2), int(rng.integers(8, 60))
            masks[index, y : y + side, x : x + side] = True
            maps[index, y // 8 : (y + side) // 8 + 1, x // 8 : (x + side) // 8 + 1] += 0.4
    each = [find_regions(mask, Preprocessing(SIZE, SIZE)) for mask in masks]
    truth = Truth(
        images,
        SIZE,
        np.concatenate([r.pixels + i * SIZE**2 for i, r in enumerate(each)]),
        np.concatenate([r.weights for r in each]),
        sum(r.regions for r in each),
        0,
    )
    return maps.astype(np.float16), masks, truth


def plain_aupro(full: np.ndarray, masks: np.ndarray, truth: Truth) -> float:
    """AUPRO from overlap and rate at a grid of thresholds, by trapezoids."""
    good, weights = full[~masks], truth.weights / truth.regions
    defective = full.reshape(-1)[truth.pixels]
    points = []
    for threshold in np.linspace(full.max(), full.min(), THRESHOLDS):
        rate = (good >= threshold).mean()
        points.append((rate, weights[defective >= threshold].sum()))
        if rate > 0.3:
            break
    x, y = np.array([(0.0, 0.0), *points]).T
    inside = np.append(x[x < 0.3], 0.3)
    return float(np.trapezoid(np.interp(inside, x, y), inside) / 0.3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=115, help="test images per category")
    parser.add_argument("--categories", type=int, default=15)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    seconds = dict.fromkeys(("all four", "full maps alone", "sklearn AUROC", "plain AUPRO"), 0.0)
    errors: dict[str, float] = {"AUROC": 0.0, "AUPRO": 0.0}
    spec, cpu = MapSpec(), torch.device("cpu")
    for _ in range(given.categories):
        maps, masks, truth = category(given.images, rng)
        start = time.perf_counter()
        found = pixel_metrics(maps, truth, spec, cpu)
        seconds["all four"] += time.perf_counter() - start
        start = time.perf_counter()
        full = full_maps(torch.from_numpy(maps), SIZE, spec).numpy()
        seconds["full maps alone"] += time.perf_counter() - start
        start = time.perf_counter()
        auroc = roc_auc_score(masks.ravel(), full.ravel())
        seconds["sklearn AUROC"] += time.perf_counter() - start
        start = time.perf_counter()
        aupro = plain_aupro(full, masks, truth)
        seconds["plain AUPRO"] += time.perf_counter() - start
        errors["AUROC"] = max(errors["AUROC"], abs(auroc - found.pixel_auroc))
        errors["AUPRO"] = max(errors["AUPRO"], abs(aupro - found.aupro))
    print(f"{given.categories} categories of {given.images} images, {SIZE} x {SIZE}")
    for name, each in seconds.items():
        print(f"{name:16} {each:8.2f} s   {each / seconds['all four']:7.1f} x all four")
    print("largest difference: " + ", ".join(f"{name} {d:.1e}" for name, d in errors.items()))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
