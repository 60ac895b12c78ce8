"""The manifest: what its hash depends on, its order, its warnings, and what it refuses."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.decoding import decode
from cadbench.benchmark.data.images.masks import decode_mask
from cadbench.benchmark.data.images.reading import verify_unchanged
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.results.errors import CadbenchError, DataError, UsageError
from PIL import Image

from .conftest import Draw, noise


def built(root: Path, **options: object) -> Manifest:
    return build_manifest("x", root, workers=0, **options)  # type: ignore[arg-type]


def item(
    content: str, *, split: str = "test", defect: str = "good", mask: str | None = None
) -> Item:
    path = f"nut/{split}/{defect}/{content}.png"
    return Item("nut", split, defect, path, mask and f"{mask}.png", 4, 3, content, mask)  # type: ignore[arg-type]


def manifest(*items: Item) -> Manifest:
    return Manifest("x", Path("somewhere"), items)


def test_items_say_what_the_files_are(dataset: Path) -> None:
    nut = built(dataset, categories=["nut"])
    assert nut.categories == ("nut",)
    assert [i.label for i in nut.train("nut")] == [0, 0, 0]
    assert sorted(i.label for i in nut.test("nut")) == [0, 0, 1, 1]
    for one in nut.items:
        assert (one.width, one.height) == (10, 12)
        assert (one.mask is not None) == (one.mask_path is not None) == (one.defect == "scratch")
        verify_unchanged(one, decode(dataset / one.path))
    assert nut.skipped == ()
    assert nut.warnings == ()


def test_the_hash_ignores_names_place_file_type_and_order(dataset: Path, tmp_path: Path) -> None:
    first = built(dataset)
    moved = tmp_path / "elsewhere"
    names = iter(random.Random(0).sample(range(1000), 1000))
    for one in first.items:
        stem = f"{next(names):03}"
        folder = moved / Path(one.path).parent
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(decode(dataset / one.path)).save(folder / f"{stem}.bmp")
        if one.mask_path is not None:
            folder = moved / Path(one.mask_path).parent
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(dataset / one.mask_path, folder / f"{stem}.png")
    second = built(moved)
    assert second.hash == first.hash
    assert replace(first, items=first.items[::-1]).hash == first.hash
    assert [i.content for i in second.test("nut")] == [i.content for i in first.test("nut")]
    assert [i.defect for i in second.test("nut")] == [i.defect for i in first.test("nut")]


def test_the_hash_sees_every_change_that_matters() -> None:
    first = manifest(item("a"), item("b", defect="hole", mask="m"))
    others = [
        manifest(item("a")),
        manifest(item("a"), item("a"), item("b", defect="hole", mask="m")),
        manifest(item("a"), item("c", defect="hole", mask="m")),
        manifest(item("a"), item("b", defect="hole", mask="n")),
        manifest(item("a"), item("b", defect="hole")),
        manifest(item("a"), item("b", defect="dent", mask="m")),
        manifest(item("a", split="train"), item("b", defect="hole", mask="m")),
        manifest(*(replace(i, category="cup") for i in first.items)),
    ]
    assert len({first.hash, *(other.hash for other in others)}) == 1 + len(others)


def test_the_hash_of_a_known_manifest_is_fixed() -> None:
    lines = b'["nut", "test", "good", "a", ""]\n["nut", "test", "hole", "b", "m"]\n'
    known = hashlib.sha256(lines).hexdigest()
    assert manifest(item("b", defect="hole", mask="m"), item("a")).hash == known


def test_parts_are_sorted_by_content_and_absent_ones_are_empty() -> None:
    whole = manifest(item("c"), item("a", defect="hole"), item("b"), item("d", split="train"))
    assert [i.content for i in whole.test("nut")] == ["a", "b", "c"]
    assert [i.content for i in whole.train("nut")] == ["d"]
    assert whole.train("cup") == ()


def test_a_subset_is_what_building_it_alone_gives(dataset: Path) -> None:
    subset = built(dataset).subset(["cup"])
    assert subset == built(dataset, categories=["cup"])
    assert subset.hash != built(dataset).hash
    with pytest.raises(UsageError, match=r"unknown category 'cub' \(did you mean cup\?\)"):
        subset.subset(["cub"])


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([item("a"), item("b")], "all test images are good, so its AUROC is undefined"),
        ([item("a", defect="hole")], "all test images are defective, so its AUROC is undefined"),
        (
            [item("a"), item("b", defect="hole"), item("a", split="train")],
            "1 test image is also a training image",
        ),
        (
            [item("a"), item("a", defect="hole"), item("b")],
            "1 test image occurs both as good and as defective",
        ),
        (
            [item("a"), item("b", defect="hole", mask="m"), item("c", defect="hole")],
            "defective test images have no mask: nut (1 of 2)",
        ),
    ],
)
def test_what_changes_the_meaning_of_figures_is_warned_about(items: list[Item], words: str) -> None:
    (warning,) = manifest(item("t", split="train"), *items).warnings
    assert "nut" in warning
    assert words in warning


def test_one_warning_names_all_categories_without_pixel_metrics() -> None:
    parts = [item("t", split="train"), item("a"), item("b", defect="hole", mask="m")]
    others = [replace(part, category=c, mask=None) for part in parts for c in ("cup", "dish")]
    (warning,) = manifest(*parts, *others).warnings
    assert warning.endswith("have no mask: cup (1 of 1), dish (1 of 1)")


def test_a_sound_data_set_without_any_masks_is_not_warned_about() -> None:
    assert manifest(item("t", split="train"), item("a"), item("b", defect="hole")).warnings == ()


def test_a_mask_of_another_size_is_refused_with_both_sizes(dataset: Path) -> None:
    mask = dataset / "cup/ground_truth/scratch/001_mask.png"
    Image.fromarray(np.zeros((10, 12), np.uint8)).save(mask)
    with pytest.raises(
        DataError, match=r"has 12 x 10 pixels, .* has 10 x 12; make the sizes equal"
    ):
        built(dataset, skip_unreadable=True)
    built(dataset, categories=["nut"])


def test_an_unreadable_image_stops_or_is_left_out_and_listed(dataset: Path) -> None:
    whole = built(dataset)
    torn = dataset / "cup/test/scratch/000.png"
    torn.write_bytes(torn.read_bytes()[:90])
    with pytest.raises(DataError, match=r"cup/test/scratch/000\.png: .*--skip-unreadable"):
        built(dataset)
    left = built(dataset, skip_unreadable=True)
    assert [s.path for s in left.skipped] == ["cup/test/scratch/000.png"]
    assert [i.path for i in whole.items if i not in left.items] == ["cup/test/scratch/000.png"]
    assert left.hash != whole.hash


def test_an_unreadable_mask_leaves_its_image_without_one(dataset: Path) -> None:
    (dataset / "cup/ground_truth/scratch/000_mask.png").write_bytes(b"no image")
    left = built(dataset, skip_unreadable=True)
    (image,) = (i for i in left.items if i.path == "cup/test/scratch/000.png")
    assert (image.mask, image.mask_path) == (None, None)
    assert [s.path for s in left.skipped] == ["cup/ground_truth/scratch/000_mask.png"]
    assert [note.kind for note in left.notes] == ["unreadable", "no mask"]


@pytest.mark.parametrize(("part", "kind"), [("train", "training"), ("test", "test")])
def test_a_category_that_skipping_empties_is_named(dataset: Path, part: str, kind: str) -> None:
    for path in (dataset / "cup" / part).rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(CadbenchError, match=f"category cup has no {kind} images left"):
        built(dataset, skip_unreadable=True)


def test_the_cache_never_hides_a_changed_image(dataset: Path, tmp_path: Path) -> None:
    first = built(dataset, cache=tmp_path / "cache")
    assert built(dataset, cache=tmp_path / "cache") == first
    Image.fromarray(noise(99)).save(dataset / "nut/train/good/001.png")
    os.utime(dataset / "nut/train/good/001.png", ns=(1, 1))
    second = built(dataset, cache=tmp_path / "cache")
    assert second == built(dataset)
    assert second.hash != first.hash


def test_an_image_that_changed_since_is_noticed(dataset: Path) -> None:
    one = built(dataset).items[0]
    pixels = decode(dataset / one.path)
    verify_unchanged(one, pixels)
    pixels[0, 0, 0] ^= 1
    with pytest.raises(DataError, match=f"{one.path} changed during the run"):
        verify_unchanged(one, pixels)


def test_16_bit_files_equal_to_8_bit_ones_count_as_the_same_image(save: Draw) -> None:
    shades = np.arange(120, dtype=np.uint8).reshape(12, 10)
    root = save("a/c/train/good/a.png", shades).parents[3]
    save("a/c/test/good/b.tif", shades.astype(np.uint16) * 257)
    assert built(root).warnings[-1] == "c: 1 test image is also a training image"


@pytest.mark.real7
def test_real_images_are_read_whole(tmp_path: Path) -> None:
    root = os.environ.get("CADBENCH_REAL7")
    if not root:
        pytest.skip("CADBENCH_REAL7 is not set")
    few = ("aliens", "cookie", "toothbrush")
    real = build_manifest("real7", Path(root), few, cache=tmp_path)
    counts = {c: (len(real.train(c)), len(real.test(c))) for c in real.categories}
    assert counts == {
        "aliens": (39, 79),
        "cookie": (31, 46),
        "toothbrush": (48, 42),
    }
    assert sum(i.mask is not None for i in real.items) == 32 + 30
    (warning,) = real.warnings
    assert warning.endswith("aliens (60 of 60)")
    for one in real.test("cookie"):
        if one.mask_path is not None:
            assert decode_mask(Path(root) / one.mask_path).pixels.any()
