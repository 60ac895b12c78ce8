"""The MVTec layout: what counts as an image and a mask, in which order, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.entries import Entry
from cadbench.benchmark.data.readers.folder import Folder
from cadbench.benchmark.data.scan import scan
from cadbench.results.errors import CadbenchError, DataError, UsageError

from .conftest import Draw


def touch(root: Path, *paths: str) -> Path:
    """Empty files: the layout never opens an image."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def refusal(root: Path, categories: list[str] | None = None) -> str:
    with pytest.raises(CadbenchError) as caught:
        scan(root, categories)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_every_image_is_listed_in_a_fixed_order(dataset: Path) -> None:
    entries = scan(dataset)
    assert entries == sorted(entries, key=lambda e: (e.category, e.split != "train", e.path))
    assert [e.path for e in entries if e.category == "cup"] == [
        "cup/train/good/000.png",
        "cup/train/good/001.png",
        "cup/train/good/002.png",
        "cup/test/good/000.png",
        "cup/test/good/001.png",
        "cup/test/scratch/000.png",
        "cup/test/scratch/001.png",
    ]
    assert entries[-1] == Entry(
        "nut",
        "test",
        "scratch",
        "nut/test/scratch/001.png",
        "nut/ground_truth/scratch/001_mask.png",
    )


def test_extensions_match_in_any_case_and_other_files_are_ignored(tmp_path: Path) -> None:
    good = "c/train/good/"
    root = touch(
        tmp_path,
        *(good + name for name in ("a.PNG", "b.Jpg", "c.jpeg", "d.BMP", "e.tif", "f.TIFF")),
        *(good + name for name in (".hidden.png", "Thumbs.db", "notes.txt", "png", "g.heic")),
        good + "folder.png/inside.png",
        "c/test/good/a.png",
        "c/test/.defect/a.png",
        "c/test/loose.png",
        "readme/a.png",
        ".git/train/good/a.png",
        "license.txt",
    )
    assert [Path(e.path).name for e in scan(root) if e.split == "train"] == [
        "a.PNG",
        "b.Jpg",
        "c.jpeg",
        "d.BMP",
        "e.tif",
        "f.TIFF",
    ]
    assert [e.path for e in scan(root) if e.split == "test"] == ["c/test/good/a.png"]


def test_masks_are_found_with_and_without_suffix_and_may_be_absent(tmp_path: Path) -> None:
    root = touch(
        tmp_path,
        "c/train/good/a.png",
        *(f"c/test/hole/{name}" for name in ("a.jpg", "b.jpg", "c.jpg")),
        "c/test/good/a.png",
        "c/ground_truth/hole/a_mask.png",
        "c/ground_truth/hole/b.BMP",
        "c/ground_truth/good/a_mask.png",
    )
    masks = {e.path: e.mask_path for e in scan(root) if e.split == "test"}
    assert masks == {
        "c/test/good/a.png": None,
        "c/test/hole/a.jpg": "c/ground_truth/hole/a_mask.png",
        "c/test/hole/b.jpg": "c/ground_truth/hole/b.BMP",
        "c/test/hole/c.jpg": None,
    }


def test_only_the_chosen_categories_are_looked_at(dataset: Path) -> None:
    touch(dataset, "broken/train/readme.txt")
    assert {e.category for e in scan(dataset, ["nut", "nut"])} == {"nut"}
    assert Folder().categories_in(dataset) == ["broken", "cup", "nut"]


def test_missing_and_empty_roots_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no").startswith(f"no such folder: {tmp_path / 'no'}")
    touch(tmp_path, "pictures/a.png")
    assert refusal(tmp_path).startswith(f"no category in {tmp_path}: expected <category>/train")
    assert Folder().categories_in(tmp_path / "no") == []


def test_a_single_category_given_as_root_is_recognized(dataset: Path) -> None:
    assert "is a single category" in refusal(dataset / "cup")
    assert refusal(dataset / "cup").endswith("--categories cup")


def test_an_unknown_category_gets_a_suggestion_and_the_list(dataset: Path) -> None:
    message = refusal(dataset, ["nuts"])
    assert message == "unknown category 'nuts' (did you mean nut?); there are: cup, nut"
    with pytest.raises(UsageError):
        scan(dataset, ["nuts"])


def test_a_category_without_training_or_test_images_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "c/train/good/a.txt", "c/train/bad/a.png", "c/test/good/a.png")
    assert refusal(tmp_path).startswith("category c has no training images")
    touch(tmp_path, "d/train/good/a.png", "d/test/good/a.txt")
    assert refusal(tmp_path, ["d"]).startswith("category d has no test images")


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (["hole/x_mask.png"], "mask without image"),
        (["crack/a_mask.png"], "mask without image"),
        (["hole/a_mask.png", "hole/a.png"], "two masks for c/test/hole/a.png"),
        (["hole/a_mask.png", "hole/a_mask.bmp"], "two masks for one image"),
    ],
)
def test_masks_that_fit_no_image_or_compete_are_refused(
    tmp_path: Path, masks: list[str], words: str
) -> None:
    touch(tmp_path, "c/train/good/a.png", "c/test/hole/a.png")
    touch(tmp_path, *(f"c/ground_truth/{mask}" for mask in masks))
    assert words in refusal(tmp_path)


@pytest.mark.parametrize("other", ["a.jpg", "a_mask.png"])
def test_a_mask_that_fits_two_images_is_refused(tmp_path: Path, other: str) -> None:
    touch(tmp_path, "c/train/good/a.png", "c/test/hole/a.png", f"c/test/hole/{other}")
    touch(tmp_path, "c/ground_truth/hole/a_mask.png")
    assert "belongs to two images" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a,b", "a\nb", "\x1b[31m"])
def test_category_names_that_would_break_lists_or_terminals_are_refused(
    tmp_path: Path, name: str
) -> None:
    touch(tmp_path, f"{name}/train/good/a.png", f"{name}/test/good/a.png")
    assert "rename the folder" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_cannot_be_listed_is_named(save: Draw, tmp_path: Path) -> None:
    save("c/train/good/a.png", np.zeros((1, 1), np.uint8))
    (tmp_path / "c/train/good").chmod(0)
    with pytest.raises(DataError, match=r"cannot list .*good: Permission denied"):
        scan(tmp_path)
