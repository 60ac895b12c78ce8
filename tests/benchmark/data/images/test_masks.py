"""Masks: which pixels count as defective, and what is said about files that hold something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.masks import Mask, decode_mask
from PIL import Image
from scipy.ndimage import label

from tests.benchmark.data.conftest import Draw

SQUARE = np.zeros((64, 64), np.uint8)
SQUARE[20:31, 12:25] = 1


def kinds(mask: Mask) -> set[str]:
    return {oddity.kind for oddity in mask.oddities}


@pytest.mark.parametrize("value", [1, 128, 255, 257, 65535])
def test_the_higher_of_two_values_is_defective(save: Draw, value: int) -> None:
    kind = np.uint8 if value < 256 else np.uint16
    mask = decode_mask(save("a.png", SQUARE.astype(kind) * value))
    np.testing.assert_array_equal(mask.pixels, SQUARE > 0)
    assert mask.oddities == ()


def test_color_and_opaque_masks_are_as_gray_ones(save: Draw) -> None:
    blue = np.dstack([0 * SQUARE, 0 * SQUARE, 255 * SQUARE])
    opaque = np.dstack([blue, np.full_like(SQUARE, 255)])
    for name, pixels in (("color.png", blue), ("alpha.png", opaque), ("bits.png", SQUARE > 0)):
        mask = decode_mask(save(name, pixels))
        np.testing.assert_array_equal(mask.pixels, SQUARE > 0)
        assert mask.oddities == ()


@pytest.mark.parametrize("quality", [20, 60, 85, 95])
@pytest.mark.parametrize("high", [100, 255])
def test_a_jpeg_has_the_regions_that_were_drawn(save: Draw, quality: int, high: int) -> None:
    mask = decode_mask(save("a.jpg", SQUARE * np.uint8(high), quality=quality))
    assert label(mask.pixels)[1] == 1
    assert (mask.pixels != (SQUARE > 0)).sum() <= 8
    assert kinds(mask) == {"mask shades"}


def test_a_resized_mask_is_cut_at_half(tmp_path: Path) -> None:
    small = Image.fromarray(SQUARE * 255).resize((40, 40), Image.Resampling.BILINEAR)
    small.save(tmp_path / "a.png")
    mask = decode_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(mask.pixels, np.asarray(small) >= 128)
    assert kinds(mask) == {"mask shades"}


def test_every_label_is_defective(save: Draw) -> None:
    labels = SQUARE.copy()
    labels[40:50, 40:50] = 3
    colors = np.dstack([np.array([0, 64, 0, 128], np.uint8)[labels], 0 * labels, 0 * labels])
    for name, pixels in (("numbers.png", labels), ("colors.png", colors)):
        mask = decode_mask(save(name, pixels))
        np.testing.assert_array_equal(mask.pixels, labels > 0)
        assert kinds(mask) == {"mask labels"}


def test_marks_on_a_bright_background_are_defective(save: Draw) -> None:
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[SQUARE > 0] = (255, 0, 0)
    mask = decode_mask(save("a.png", pixels))
    np.testing.assert_array_equal(mask.pixels, SQUARE > 0)
    assert kinds(mask) == {"mask labels"}


@pytest.mark.parametrize("color", [0, 255])
def test_an_alpha_channel_that_varies_alone_is_the_mask(save: Draw, color: int) -> None:
    pixels = np.dstack([np.full_like(SQUARE, color)] * 3 + [SQUARE * 255])
    mask = decode_mask(save("a.png", pixels))
    np.testing.assert_array_equal(mask.pixels, SQUARE > 0)
    assert kinds(mask) == {"mask in alpha"}


def test_a_palette_of_black_only_is_read_by_position(tmp_path: Path) -> None:
    image = Image.fromarray(SQUARE, "P")
    image.putpalette([0] * 768)
    image.save(tmp_path / "a.png")
    mask = decode_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(mask.pixels, SQUARE > 0)
    assert kinds(mask) == {"mask in palette"}


@pytest.mark.parametrize("pixels", [255 - SQUARE * 255, np.full_like(SQUARE, 255)])
def test_a_mask_of_more_than_half_is_noted_with_its_share(save: Draw, pixels: np.ndarray) -> None:
    (oddity,) = decode_mask(save("a.png", pixels)).oddities
    assert oddity == ("mask covers", pytest.approx((pixels > 0).mean()))


def test_an_empty_mask_has_no_defective_pixel(save: Draw) -> None:
    assert not decode_mask(save("a.png", 0 * SQUARE)).pixels.any()
    assert not decode_mask(save("a.jpg", 0 * SQUARE)).pixels.any()
