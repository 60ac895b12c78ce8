"""Contact sheets: what is on them, how masks are outlined, and that they are always the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.data.preview import contact_sheet as module
from cadbench.benchmark.data.preview.contact_sheet import WIDTH, draw_contact_sheet
from cadbench.benchmark.data.preview.near_duplicates import DuplicatePair
from cadbench.results.errors import DataError
from PIL import Image

from tests.conftest import draw_dataset

LIGHT, DARK = np.array([60, 255, 120]), np.array([0, 0, 0])


def built(root: Path) -> Manifest:
    return build_manifest("plates", root, workers=0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw_dataset(tmp_path / "plates", ("apple",), size=64)


def drawn(manifest: Manifest, *near: DuplicatePair, count: int = 6) -> np.ndarray:
    return np.asarray(draw_contact_sheet(manifest, "apple", near, count=count, workers=0))


def test_a_sheet_depends_on_the_images_alone(root: Path, tmp_path: Path) -> None:
    first = drawn(built(root), count=3)
    assert first.shape[1:] == (WIDTH, 3)
    assert np.array_equal(first, drawn(built(root), count=3))
    shutil.move(root, tmp_path / "elsewhere")
    assert np.array_equal(first, drawn(built(tmp_path / "elsewhere"), count=3))


def test_more_images_need_more_rows_and_near_duplicates_a_row_of_their_own(root: Path) -> None:
    manifest = built(root)
    few, many = drawn(manifest, count=2), drawn(manifest, count=60)
    assert many.shape == few.shape  # five or six of each kind: one row of six
    larger = built(draw_dataset(root, ("apple",), size=64, train=9, seed=3))
    assert len(drawn(larger, count=60)) > len(few)
    pair = DuplicatePair(larger.test("apple")[0], larger.train("apple")[0], 0.99)
    assert len(drawn(larger, pair)) > len(drawn(larger))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_outline_surrounds_the_mask_and_can_be_seen_on_any_image(value: int) -> None:
    small = np.full((100, 100, 3), value, np.uint8)
    mask = np.zeros((400, 400), bool)
    mask[160:240, 160:200] = True
    module._outline(small, mask)
    light = (small == LIGHT).all(axis=2)
    inside = np.zeros((100, 100), bool)
    inside[40:60, 40:50] = True
    assert not light[inside].any()
    assert (small[inside] == value).all()
    rows, columns = np.flatnonzero(light.any(axis=1)), np.flatnonzero(light.any(axis=0))
    assert (rows[0], rows[-1]) == (37, 62)
    assert (columns[0], columns[-1]) == (37, 52)
    assert light.sum() == 2 * (26 + 16) - 4  # one pixel wide
    around = (small == DARK).all(axis=2) | light
    assert around[36:64, 36:54].sum() >= light.sum() + 2 * (28 + 18) - 4


def test_a_mask_of_one_pixel_does_not_vanish_in_a_large_image() -> None:
    small = np.full((100, 100, 3), 128, np.uint8)
    mask = np.zeros((3000, 3000), bool)
    mask[1500, 1500] = True
    module._outline(small, mask)
    assert (small == LIGHT).all(axis=2).any()


@pytest.mark.parametrize(("width", "height"), [(5, 3), (1000, 30), (30, 1000), (184, 184)])
def test_any_shape_fits_its_cell(tmp_path: Path, width: int, height: int) -> None:
    root = draw_dataset(tmp_path / "plates", ("apple",), size=64, masks=False)
    for file in (root / "apple" / "train" / "good").iterdir():
        Image.new("RGB", (width, height), "red").save(file)
    manifest = built(root)
    picture = module._thumbnail(module._Job(root, manifest.train("apple")[0]))
    assert max(picture.shape) <= module._SIDE
    assert min(picture.shape[:2]) >= 1
    assert (drawn(manifest) == (255, 0, 0)).all(axis=2).any()


def test_an_image_that_changed_meanwhile_is_refused_where_its_mask_is_drawn(root: Path) -> None:
    manifest = built(root)
    for file in (root / "apple" / "ground_truth" / "spot").iterdir():
        Image.new("L", (64, 64), 255).save(file)
    with pytest.raises(DataError, match="changed during the run"):
        drawn(manifest)


def test_long_names_are_shortened_in_the_middle() -> None:
    font = module._font(13)
    shown = module._fitting("a" * 80 + "0042.png", font)
    assert font.getlength(shown) <= module._SIDE
    assert shown.startswith("aaaa")
    assert shown.endswith("0042.png")
    assert "…" in shown
    assert module._fitting("0042.png", font) == "0042.png"
