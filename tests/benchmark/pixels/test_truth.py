"""Regions of masks on the image's grid, and their cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.domains import parse_domains
from cadbench.benchmark.data.drifted_manifest import add_domains
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.pixels import truth as module
from cadbench.benchmark.pixels.truth import Truth, find_regions, has_pixel_truth, load_truths
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import DataError
from PIL import Image

GRID = Preprocessing(64, 64)


def test_regions_touch_at_corners_and_weigh_one_each():
    mask = np.zeros((8, 8), bool)
    mask[0, 0] = mask[1, 1] = mask[1, 2] = True  # one region, joined at corners
    mask[5:7, 5:7] = True
    found = find_regions(mask, Preprocessing(8, 8))
    assert (found.regions, found.lost) == (2, 0)
    assert found.pixels.tolist() == [0, 9, 10, 45, 46, 53, 54]
    assert found.weights.tolist() == pytest.approx([1 / 3] * 3 + [1 / 4] * 4)


def test_a_region_outside_the_crop_is_dropped_and_counted():
    mask = np.zeros((256, 256), bool)
    mask[2:6, 2:6] = True  # the crop starts at 16
    mask[10:30, 100:120] = True
    found = find_regions(mask, Preprocessing(256, 224))
    assert (found.regions, found.lost) == (1, 1)
    assert len(found.pixels) == 14 * 20
    assert found.weights.sum() == pytest.approx(1)


def test_a_region_too_small_for_the_grid_is_counted_as_lost():
    mask = np.zeros((512, 512), bool)
    mask[301, 301], mask[100:120, 100:120] = True, True
    kept = find_regions(mask, Preprocessing(256, 256))
    assert (kept.regions, kept.lost) in ((1, 1), (2, 0))
    lost = [
        find_regions(np.roll(mask, (dy, dx), (0, 1)), Preprocessing(256, 256)).lost
        for dy in (0, 1)
        for dx in (0, 1)
    ]
    assert sum(lost) == 3, "the nearest neighbor is one pixel of four"


def test_regions_that_the_resize_joins_are_one_and_none_is_lost():
    mask = np.zeros((512, 512), bool)
    mask[100:200, 100:150], mask[100:200, 151:200] = True, True
    found = find_regions(mask, Preprocessing(64, 64))
    assert (found.regions, found.lost) == (1, 0)


def plates(dataset: Callable[..., Path], **options: object) -> Manifest:
    return build_manifest("plates", dataset(**options), workers=0)


def load(manifest: Manifest, cache: Path) -> dict[str, Truth]:
    return load_truths(manifest, manifest.categories, GRID, cache, Silent())


def test_the_truth_of_a_category_is_that_of_its_masks_in_the_order_of_the_test_set(dataset, cache):
    manifest = plates(dataset)
    truths = load(manifest, cache)
    assert list(truths) == list(manifest.categories)
    for category, truth in truths.items():
        flat = np.zeros((truth.images, 64, 64), bool)
        for number, item in enumerate(manifest.test(category)):
            if item.mask_path is not None:
                flat[number] = np.array(Image.open(manifest.root / item.mask_path)) > 0
        np.testing.assert_array_equal(truth.pixels, np.flatnonzero(flat))
        assert truth.regions == 5
        assert truth.weights.sum() == pytest.approx(5)
        assert truth.share == flat.mean()
        assert truth.normal == (~flat).sum()


def test_masks_are_read_once_and_then_loaded_from_the_cache(dataset, cache, monkeypatch):
    manifest = plates(dataset)
    first = load(manifest, cache)
    monkeypatch.setattr(module, "read_mask", lambda *_: pytest.fail("read again"))
    second = load(manifest, cache)
    for category in first:
        np.testing.assert_array_equal(first[category].pixels, second[category].pixels)
        np.testing.assert_array_equal(first[category].weights, second[category].weights)


@pytest.mark.parametrize("damage", [b"", b"x" * 50])
def test_a_damaged_cache_file_is_computed_again(dataset, cache, damage):
    manifest = plates(dataset)
    first = load(manifest, cache)
    for file in (cache / "masks").iterdir():
        file.write_bytes(damage or file.read_bytes()[:-3])
    again = load(manifest, cache)
    assert all((again[c].pixels == first[c].pixels).all() for c in first)


def test_a_category_lacks_pixel_metrics_if_one_defective_image_lacks_its_mask(dataset, cache):
    root = dataset()
    next((root / "bolt" / "ground_truth" / "spot").iterdir()).unlink()
    manifest = build_manifest("plates", root, workers=0)
    assert list(load(manifest, cache)) == ["apple", "cork", "dial"]
    good_only = [item for item in manifest.test("apple") if not item.label]
    assert not has_pixel_truth(good_only)
    assert not has_pixel_truth(manifest.test("bolt"))


def test_a_mask_that_changed_since_the_manifest_is_an_error_with_its_path(dataset, cache):
    manifest = plates(dataset)
    path = next(item.mask_path for item in manifest.test("apple") if item.mask_path)
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(manifest.root / path)
    with pytest.raises(DataError, match=f"{path} changed during the run"):
        load(manifest, cache)


def test_another_grid_has_its_own_cache_file(dataset, cache):
    manifest = plates(dataset)
    load(manifest, cache)
    other = load_truths(manifest, ["apple"], Preprocessing(64, 32), cache, Silent())
    assert other["apple"].size == 32
    assert len(list((cache / "masks").iterdir())) == len(manifest.categories) + 1


def test_shift_moves_the_defects_of_a_category_and_dark_does_not(dataset, cache):
    data = add_domains(plates(dataset), parse_domains(["dark:3", "shift:3"]))
    truths = load_truths(data, data.columns, GRID, cache, Silent())

    def defects(column):
        """Masks by image file, since the order of hashes differs."""
        truth, items = truths[column], data.test(column)
        masks = np.zeros((truth.images, 64 * 64), bool)
        masks.flat[truth.pixels] = True
        return {item.path: mask.reshape(64, 64) for item, mask in zip(items, masks, strict=True)}

    original, dark, shifted = (defects(f"apple{end}") for end in ("", "@dark:3", "@shift:3"))
    for path, mask in original.items():
        np.testing.assert_array_equal(dark[path], mask)
        # 0.06 of 64 is 3.84 pixels, rounded to 4.
        np.testing.assert_array_equal(shifted[path][4:, 4:], mask[:-4, :-4])
