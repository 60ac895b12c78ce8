"""`cadbench data preview`: sheets, figures that are right, warnings with names, and refusals."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import Called
from tests.conftest import draw_dataset

Run = Callable[..., Called]


@pytest.fixture
def preview(call: Run, plates: Callable[..., Path], tmp_path: Path) -> Run:
    root = plates()
    place = ["--data-root", root, "--to", tmp_path / "sheets"]
    return lambda *words: call("data", "preview", *place, *words)


def test_sheets_and_figures_of_every_category(preview: Run, tmp_path: Path) -> None:
    done = preview("--format", "json", "-q")
    assert done.code == 0, done
    assert done.err == ""
    assert sorted(file.name for file in (tmp_path / "sheets").iterdir()) == [
        "apple.png", "bolt.png", "cork.png",
    ]  # fmt: skip
    sheet = Image.open(tmp_path / "sheets" / "apple.png")
    assert sheet.width == 1200
    apple = json.loads(done.out)[0]
    assert apple["mask_areas"] == {"median": 1 / 64, "min": 1 / 64, "max": 1 / 64}
    del apple["mask_areas"]
    assert apple == {
        "category": "apple", "train": 3, "good": 3, "defective": 4, "defects": {"spot": 4},
        "sizes": {"64x64": 10}, "channels": "color", "without_mask": 0, "empty_masks": [],
        "near": [],
    }  # fmt: skip


def test_sizes_channels_missing_and_empty_masks_are_counted(preview: Run, tmp_path: Path) -> None:
    bolt = tmp_path / "plates" / "bolt"
    for number, size in enumerate((32, 48)):
        file = bolt / "train" / "good" / f"{number:03}.png"
        Image.open(file).convert("L").resize((size, size)).save(file)
    (bolt / "ground_truth" / "spot" / "000_mask.png").unlink()
    Image.new("L", (64, 64)).save(bolt / "ground_truth" / "spot" / "001_mask.png")
    done = preview("--categories", "bolt", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["size"] == "32x32 to 64x64"
    assert row["sizes"] == "3"
    assert row["channels"] == "8 color, 2 gray"
    assert row["without mask"] == "2"
    assert float(row["mask % min"]) > 0
    assert float(row["mask % max"]) == 100 / 64
    assert "warning: bolt: 1 mask is empty: bolt/test/spot/001.png\n" in done.err
    assert "wrote 1 contact sheet to " in done.err


def test_near_duplicates_are_counted_and_named(preview: Run, tmp_path: Path) -> None:
    cork = tmp_path / "plates" / "cork"
    rng = np.random.Generator(np.random.PCG64(0))
    for split, first in (("train", 0), ("test", 10)):
        for number in range(first, first + 8):
            coarse = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC)
            image.save(cork / split / "good" / f"{number:03}.png")
    for number in range(4):
        image = Image.open(cork / "train" / "good" / f"{number:03}.png")
        ImageEnhance.Brightness(image).enhance(0.9).save(cork / "test" / "good" / f"c{number}.jpg")
    done = preview("--categories", "cork", "--format", "json")
    (found,) = json.loads(done.out)
    named = {each["test"]: each["train"] for each in found["near"]}
    assert named == {f"cork/test/good/c{n}.jpg": f"cork/train/good/00{n}.png" for n in range(4)}
    assert "warning: cork: 4 test images repeat a training image: cork/test/good/c" in done.err
    assert " and 1 more\n" in done.err


def test_categories_of_several_data_sets_are_files_of_their_own(
    call: Run, plates: Callable[..., Path], tmp_path: Path
) -> None:
    one = plates(categories=("apple",))
    two = draw_dataset(tmp_path / "other", ("apple",), seed=2, train=3)
    roots = ["--data-root", f"one={one}", "--data-root", f"two={two}"]
    done = call("data", "preview", "one,two", *roots, "--to", tmp_path / "sheets", "-q")
    assert done.code == 0, done
    assert "one/apple" in done.out
    files = sorted(file.name for file in (tmp_path / "sheets").iterdir())
    assert files == ["one_apple.png", "two_apple.png"]


def test_names_that_are_no_file_names_do_not_meet(
    call: Run, plates: Callable[..., Path], tmp_path: Path
) -> None:
    root = plates(categories=("a b", "a=b"))
    done = call("data", "preview", "--data-root", root, "--to", tmp_path / "sheets", "-q")
    assert done.code == 0, done
    files = sorted(file.name for file in (tmp_path / "sheets").iterdir())
    assert files == ["a_b-2.png", "a_b.png"]


def test_what_cannot_be_done_is_one_line(preview: Run, call: Run, tmp_path: Path) -> None:
    both = call("data", "preview", "mvtec", "--dataset", "synthetic")
    assert_refused(both, 2, "mvtec and --dataset synthetic exclude each other")
    assert_refused(call("data", "preview", "mvtek"), 2, "did you mean mvtec?")
    assert_refused(preview("--count", "0"), 2, "--count")
    (tmp_path / "file").touch()
    assert_refused(preview("-q", "--to", tmp_path / "file"), 2, "--to")
    assert_refused(preview("-q", "--to", tmp_path / "file" / "in"), 1, "cannot write")


def test_an_unreadable_image_is_named(preview: Run, tmp_path: Path) -> None:
    (tmp_path / "plates" / "apple" / "train" / "good" / "000.png").write_bytes(b"no image")
    assert_refused(preview("-q"), 1, "apple/train/good/000.png", "--skip-unreadable")
    assert not (tmp_path / "sheets").exists()
    assert preview("-q", "--skip-unreadable").code == 0
