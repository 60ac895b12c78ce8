"""Near duplicates: copies are found whatever was done to them, and other parts are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.decoding import content_hash, decode
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.data.manifest import Manifest
from cadbench.benchmark.data.preview import near_duplicates as module
from cadbench.benchmark.data.preview.fingerprints import Fingerprints, compute_fingerprints
from cadbench.benchmark.data.preview.near_duplicates import DuplicatePair, find_near_duplicates
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import gaussian_filter

SIDE = 128
TRAIN = 30


def part(seed: int) -> Image.Image:
    """One part of many: the same ring in nearly the same place, with a surface of its own."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + rng.normal(0, 0.5, (2, 1, 1))
    radius = np.hypot(x, y)
    ring = (radius > 25) & (radius < 50)
    surface = gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 3.5) * 400
    values = np.where(ring, 170 + surface, 60 + 0.2 * surface) + rng.normal(0, 1, (SIDE, SIDE))
    values = gaussian_filter(values, 1.2)  # as a lens does it
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")


class _Task:
    def advance(self, amount: int = 1) -> None:
        pass


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Fingerprints]:
    """The fingerprints of training and test images, in that order."""

    def make(train: list[Image.Image], test: list[Image.Image]) -> Fingerprints:
        items = []
        for split, images in (("train", train), ("test", test)):
            for number, image in enumerate(images):
                path = f"{split}{number:02}.png"
                image.save(tmp_path / path)
                content = content_hash(decode(tmp_path / path))
                items.append(Item("c", split, "good", path, None, *image.size, content, None))  # type: ignore[arg-type]
        manifest = Manifest("x", tmp_path, tuple(items))
        return compute_fingerprints(manifest, "c", _Task(), workers=0)

    return make


def found(both: Fingerprints) -> list[DuplicatePair]:
    return find_near_duplicates(both.of_split("train"), both.of_split("test"))


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75)
    return Image.open(buffer).convert("RGB")


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg": jpeg,
    "half": lambda image: image.resize((SIDE // 2, SIDE // 2), Image.Resampling.BILINEAR),
    "double": lambda image: image.resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC),
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(0.5)),
    "gray": lambda image: image.convert("L").convert("RGB").point(lambda v: min(v + 1, 255)),
}


def test_copies_are_found_among_parts_that_all_look_alike(
    make: Callable[..., Fingerprints],
) -> None:
    train = [part(seed) for seed in range(TRAIN)]
    others = [part(seed) for seed in range(100, 120)]
    copies = [copy(train[number]) for number, copy in enumerate(COPIES.values())]
    pairs = found(make(train, [*others, *copies]))
    assert {(pair.test.path, pair.train.path) for pair in pairs} == {
        (f"test{20 + number}.png", f"train{number:02}.png") for number in range(len(COPIES))
    }
    similar = [pair.similarity for pair in pairs]
    assert similar == sorted(similar, reverse=True)
    assert min(similar) >= module.MIN_SIMILARITY


def test_equal_images_are_left_to_the_manifest_and_flat_ones_are_no_copies(
    make: Callable[..., Fingerprints],
) -> None:
    train = [part(seed) for seed in range(5)]
    flat = [Image.new("RGB", (SIDE, SIDE), (value,) * 3) for value in (10, 11)]
    assert found(make([*train, flat[0]], [train[0], flat[1]])) == []


def test_parts_that_differ_little_anyway_need_a_greater_likeness(
    make: Callable[..., Fingerprints],
) -> None:
    """Photographs of nearly the same surface: what half of the training images have is usual."""
    rng = np.random.Generator(np.random.PCG64(1))
    base = np.asarray(part(0)).astype(float)
    groups = [base + rng.normal(0, 12, base.shape) for _ in range(2)]

    def photograph(number: int) -> Image.Image:
        values = groups[number % 2] + rng.normal(0, 2.0, base.shape)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))

    everything = make([photograph(n) for n in range(20)], [photograph(n) for n in range(6)])
    train = everything.of_split("train")
    assert (
        module.similarity_threshold(train, module.common_detail(train))
        > module.MIN_SIMILARITY + 0.005
    )
    assert found(everything) == []


def test_the_answer_is_the_same_in_blocks(
    make: Callable[..., Fingerprints], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [part(seed) for seed in range(TRAIN)]
    whole = make(train, [part(200), *(jpeg(image) for image in train[:9])])
    first = found(whole)
    assert len(first) == 9
    monkeypatch.setattr(module, "_BLOCK", 4)
    assert [pair[:2] for pair in found(whole)] == [pair[:2] for pair in first]


def test_either_side_may_be_empty(make: Callable[..., Fingerprints]) -> None:
    one = make([part(0)], [part(1)])
    assert found(one) == []
    assert find_near_duplicates(one.of_split("train"), one.of_split("none")) == []
    assert find_near_duplicates(one.of_split("none"), one.of_split("test")) == []
