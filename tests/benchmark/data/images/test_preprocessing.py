"""Preprocessing: the published resize and crop, against a plain reference and torchvision."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.results.errors import UsageError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.benchmark.data.conftest import noise


def two_steps(pixels: np.ndarray, steps: Preprocessing) -> np.ndarray:
    """Resize the shorter side, then crop the center: the plain reference, (crop, crop, 3)."""
    height, width = pixels.shape[:2]
    scale = steps.resize / min(height, width)
    size = (int(width * scale + 1e-9), int(height * scale + 1e-9))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - steps.crop) / 2), round((size[1] - steps.crop) / 2)
    return np.asarray(image.crop((left, top, left + steps.crop, top + steps.crop)))


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    resize=st.integers(1, 40),
    crop=st.integers(1, 40),
)
@settings(max_examples=100, deadline=None)
def test_it_is_resize_then_central_crop(height: int, width: int, resize: int, crop: int) -> None:
    assume(max(height, width) <= 16 * min(height, width))
    steps = Preprocessing(max(resize, crop), min(resize, crop))
    pixels = noise(height * 100 + width, height, width)
    np.testing.assert_array_equal(steps.apply(pixels).transpose(1, 2, 0), two_steps(pixels, steps))


@pytest.mark.parametrize("shape", [(300, 300), (512, 700), (901, 703), (1024, 1024), (30, 200)])
def test_it_is_bit_for_bit_what_torchvision_does(shape: tuple[int, int]) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    published = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    pixels = noise(7, *shape)
    expected = np.asarray(published(Image.fromarray(pixels))).transpose(2, 0, 1)
    result = Preprocessing().apply(pixels)
    assert result.shape == (3, 224, 224)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, expected)


def test_256_pixels_are_only_cropped() -> None:
    pixels = noise(3, 256, 256)
    result = Preprocessing().apply(pixels)
    np.testing.assert_array_equal(result.transpose(1, 2, 0), pixels[16:240, 16:240])


def test_labels_keep_their_numbers_and_follow_the_image() -> None:
    labels = np.zeros((512, 512), np.int32)
    labels[100:300, 200:400] = 70_000
    small = Preprocessing().apply_labels(labels)
    assert small.dtype == np.int32
    expected = np.zeros((224, 224), np.int32)
    expected[50 - 16 : 150 - 16, 100 - 16 : 200 - 16] = 70_000
    np.testing.assert_array_equal(small, expected)


def test_a_very_long_image_costs_little_and_keeps_its_center() -> None:
    pixels = np.zeros((2, 400_000, 3), np.uint8)  # resized as a whole: 51 million x 256
    pixels[:, 199_990:200_010] = 9
    assert (Preprocessing().apply(pixels) == 9).all()


def test_image_size_keeps_the_published_proportion() -> None:
    assert Preprocessing.for_image_size(224) == Preprocessing() == Preprocessing(256, 224)
    assert Preprocessing.for_image_size(448).as_dict() == {"resize": 512, "crop": 448}


@pytest.mark.parametrize("size", [0, -5])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="image size"):
        Preprocessing.for_image_size(size)


def test_pad_and_squash_keep_every_part_of_an_image() -> None:
    pixels = np.zeros((8, 64, 3), np.uint8)
    pixels[:, :4] = 255
    padded = Preprocessing.for_image_size(32, "pad").apply(pixels)
    assert padded.shape == (3, 32, 32)
    np.testing.assert_array_equal(padded[0, :14], 0)
    np.testing.assert_array_equal(padded[0, 14:18, 0], 255)
    squashed = Preprocessing.for_image_size(32, "squash").apply(pixels)
    np.testing.assert_array_equal(squashed[0, :, 0], 255)
    assert Preprocessing.for_image_size(32).apply(pixels).max() == 0


def test_labels_move_with_the_image() -> None:
    labels = np.zeros((64, 8), np.int32)
    labels[:8] = 7
    padded = Preprocessing.for_image_size(32, "pad").apply_labels(labels)
    assert set(padded[:4, 14:18].ravel()) == {7}
    assert np.count_nonzero(padded) == 16
    squashed = Preprocessing.for_image_size(32, "squash").apply_labels(labels)
    assert np.count_nonzero(squashed) == 4 * 32


def test_the_crop_keeps_its_key_and_says_what_it_cuts_off() -> None:
    assert Preprocessing().as_dict() == {"resize": 256, "crop": 224}
    assert Preprocessing.for_image_size(64, "pad").as_dict() == {
        "resize": 64,
        "crop": 64,
        "mode": "pad",
    }
    assert Preprocessing().cut_off(100, 100) == pytest.approx(1 - (224 / 256) ** 2)
    assert Preprocessing().cut_off(800, 100) == pytest.approx(1 - (224 / 256) * (224 / 2048))
    assert Preprocessing.for_image_size(64, "squash").cut_off(800, 100) == 0


@pytest.mark.parametrize("values", [(64, 32, "pad"), (32, 32, "stretch")])
def test_impossible_fits_are_refused(values: tuple[int, int, str]) -> None:
    with pytest.raises(UsageError, match=r"crop and resize must be equal|must be one of crop, pad"):
        Preprocessing(*values)  # type: ignore[arg-type]
