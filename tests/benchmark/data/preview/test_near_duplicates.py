"""Near duplicates: copies are found whatever was done to them, and other parts are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.decoding import content_hash, decode
from cadbench.benchmark.data.manifest import Item, Manifest
from cadbench.benchmark.data.preview import near_duplicates as module
from cadbench.benchmark.data.preview.fingerprints import Looks, survey
from cadbench.benchmark.data.preview.near_duplicates import Pair, near_duplicates
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
def looks(tmp_path: Path) -> Callable[..., Looks]:
    """The looks of training and test images, in that order."""

    def make(train: list[Image.Image], test: list[Image.Image]) -> Looks:
        items = []
        for split, images in (("train", train), ("test", test)):
            for number, image in enumerate(images):
                path = f"{split}{number:02}.png"
                image.save(tmp_path / path)
                content = content_hash(decode(tmp_path / path))
                items.append(Item("c", split, "good", path, None, *image.size, content, None))  # type: ignore[arg-type]
        manifest = Manifest("x", tmp_path, tuple(items))
        return survey(manifest, "c", tmp_path / "cache", _Task(), workers=0)

    return make


def found(looks: Looks) -> list[Pair]:
    return near_duplicates(looks.part("train"), looks.part("test"))


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


def test_copies_are_found_among_parts_that_all_look_alike(looks: Callable[..., Looks]) -> None:
    train = [part(seed) for seed in range(TRAIN)]
    others = [part(seed) for seed in range(100, 120)]
    copies = [copy(train[number]) for number, copy in enumerate(COPIES.values())]
    pairs = found(looks(train, [*others, *copies]))
    assert {(pair.test.path, pair.train.path) for pair in pairs} == {
        (f"test{20 + number}.png", f"train{number:02}.png") for number in range(len(COPIES))
    }
    similar = [pair.similarity for pair in pairs]
    assert similar == sorted(similar, reverse=True)
    assert min(similar) >= module.SIMILAR


def test_equal_images_are_left_to_the_manifest_and_flat_ones_are_no_copies(
    looks: Callable[..., Looks],
) -> None:
    train = [part(seed) for seed in range(5)]
    flat = [Image.new("RGB", (SIDE, SIDE), (value,) * 3) for value in (10, 11)]
    assert found(looks([*train, flat[0]], [train[0], flat[1]])) == []


def test_parts_that_differ_little_anyway_need_a_greater_likeness(
    looks: Callable[..., Looks],
) -> None:
    """Photographs of nearly the same surface: what half of the training images have is usual."""
    rng = np.random.Generator(np.random.PCG64(1))
    base = np.asarray(part(0)).astype(float)
    groups = [base + rng.normal(0, 12, base.shape) for _ in range(2)]

    def photograph(number: int) -> Image.Image:
        values = groups[number % 2] + rng.normal(0, 2.0, base.shape)
        return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))

    all_looks = looks([photograph(n) for n in range(20)], [photograph(n) for n in range(6)])
    train = all_looks.part("train")
    assert module.threshold(train, module.usual_detail(train)) > module.SIMILAR + 0.005
    assert found(all_looks) == []


def test_the_answer_is_the_same_in_blocks(
    looks: Callable[..., Looks], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [part(seed) for seed in range(TRAIN)]
    whole = looks(train, [part(200), *(jpeg(image) for image in train[:9])])
    first = found(whole)
    assert len(first) == 9
    monkeypatch.setattr(module, "_BLOCK", 4)
    assert [pair[:2] for pair in found(whole)] == [pair[:2] for pair in first]


def test_either_side_may_be_empty(looks: Callable[..., Looks]) -> None:
    one = looks([part(0)], [part(1)])
    assert found(one) == []
    assert near_duplicates(one.part("train"), one.part("none")) == []
    assert near_duplicates(one.part("none"), one.part("test")) == []
