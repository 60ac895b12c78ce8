"""What is said about odd files of a dataset, per category, with counts; and what is not read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.decoding import decode
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.data.images.reading import read_image, read_mask
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.data.notes.manifest_notes import is_named_good
from cadbench.results.errors import DataError
from PIL import Image

from tests.benchmark.data.conftest import Draw, noise


def built(root: Path, **options: object) -> Manifest:
    return build_manifest("x", root, workers=0, **options)  # type: ignore[arg-type]


def notes(root: Path) -> dict[tuple[str, str], tuple[int, int]]:
    return {(n.category, n.kind): (n.count, n.of) for n in built(root).notes}


def masks_of(root: Path, category: str) -> list[Path]:
    return sorted((root / category / "ground_truth").rglob("*.png"))


def test_a_dataset_without_oddities_has_no_notes(dataset: Path) -> None:
    assert built(dataset).notes == ()


def test_an_empty_mask_counts_as_missing(dataset: Path) -> None:
    Image.fromarray(np.zeros((12, 10), np.uint8)).save(masks_of(dataset, "nut")[0])
    manifest = built(dataset)
    assert notes(dataset) == {("nut", "mask empty"): (1, 2), ("nut", "no mask"): (1, 2)}
    assert [i.mask for i in manifest.test("nut") if i.has_empty_mask] == [None]
    masks_of(dataset, "nut")[0].unlink()
    assert built(dataset).hash == manifest.hash


def test_masks_of_a_category_are_one_line(dataset: Path) -> None:
    for file in masks_of(dataset, "nut"):
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    for file in masks_of(dataset, "cup"):
        mask = np.asarray(Image.open(file)).copy()
        mask[5, :3] = (30, 200, 220)
        Image.fromarray(mask).save(file)
    assert built(dataset).warnings == (
        "cup: 2 of 2 masks hold 5 shades instead of two values (saved as JPEG, or resized?); they "
        "are cut at the middle of their range",
        "nut: 2 of 2 masks cover 95.8 % of the image; are they inverted?",
    )


def test_a_sensor_of_12_bits_is_scaled_the_same_in_the_whole_category(
    save: Draw, tmp_path: Path
) -> None:
    values = np.linspace(0, 4095, 120).astype(np.uint16).reshape(12, 10)
    save("d/c/train/good/a.png", values)
    save("d/c/train/good/b.png", values // 8)
    save("d/c/test/good/c.png", values // 2)
    root = tmp_path / "d"
    found = built(root, cache=tmp_path / "cache").notes
    (note,) = (n for n in found if n.kind == "depth")
    assert (note.kind, note.count, note.of) == ("depth", 3, 3)
    assert "12-bit values in 16 bits" in note.text
    manifest = built(root, cache=tmp_path / "cache")
    assert {item.bits for item in manifest.items} == {12}
    for item in manifest.items:
        pixels = read_image(root, item, Preprocessing(12, 12))
        assert pixels.max() <= decode(root / item.path, 12).max()
    assert decode(root / "c/train/good/a.png", 12).max() == 255


def test_few_levels_that_are_left_are_counted(save: Draw, tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.uint16).reshape(12, 10) * 30
    values[0, 0] = 65535
    save("d/c/train/good/a.png", values)
    save("d/c/test/good/c.png", values)
    (note,) = (n for n in built(tmp_path / "d").notes if n.kind == "levels")
    assert note.text == (
        "2 of 2 images keep only 16 levels of gray in 8 bits; scale them to their full range"
    )


@pytest.mark.parametrize("drawn_on", ["turned", "stored"])
def test_masks_follow_the_orientation_of_their_images(
    save: Draw, tmp_path: Path, drawn_on: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    root = tmp_path / "d"
    for index, folder in enumerate(("train/good", "test/good")):
        save(f"d/c/{folder}/a.png", noise(index))
    pixels = np.zeros((12, 10, 3), np.uint8)
    pixels[2:5, 1:4] = 255
    mask = pixels[:, :, 0]
    save("d/c/test/dent/a.jpg", pixels, quality=95, exif=exif)
    save("d/c/ground_truth/dent/a.png", np.rot90(mask, -1) if drawn_on == "turned" else mask)
    manifest = built(root)
    (image,) = (item for item in manifest.items if item.label)
    assert (image.width, image.height) == (12, 10)
    np.testing.assert_array_equal(read_mask(root, image), np.rot90(mask, -1) > 0)
    kinds = {note.kind for note in manifest.notes}
    assert kinds == {"turned"} | ({"mask as stored"} if drawn_on == "stored" else set())


def test_files_that_are_not_read_are_counted_with_the_reason(dataset: Path) -> None:
    good = dataset / "nut/train/good"
    (good / "shift2").mkdir()
    (good / "000.png").rename(good / "shift2/000.png")
    (good / "001.png").rename(good / "001.heic")
    (good / "Thumbs.db").touch()
    (dataset / "nut/test/loose.png").touch()
    (dataset / "nut/train/extra").mkdir()
    (dataset / "nut/train/extra/a.png").touch()
    (dataset / "plate/images").mkdir(parents=True)
    (dataset / "plate/images/a.png").touch()
    assert set(built(dataset).warnings) == {
        "images in plate are not read: the folder has neither train nor test, so it is no category",
        "nut: 1 file in nut/train/good/shift2 is not read: it is in a sub-folder",
        "nut: 1 file in nut/train/good is not read: .heic is not the extension of an image",
        "nut: 1 file in nut/test is not read: it is not in a folder of test",
        "nut: 1 file in nut/train/extra is not read: only train/good is used for training",
    }


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_further_formats_are_read(dataset: Path, suffix: str) -> None:
    for path in (dataset / "nut/train/good").glob("*.png"):
        Image.open(path).save(path.with_suffix(suffix))
        path.unlink()
    assert len(built(dataset).train("nut")) == 3
    assert built(dataset).notes == ()


@pytest.mark.parametrize(
    ("name", "good"),
    [
        *(
            (n, True)
            for n in (
                "Good",
                "OK",
                "normal",
                "good_2",
                "defect_free",
                "NoDefect",
                "ok-1",
                "normals",
            )
        ),
        *((n, False) for n in ("scratch", "not_good", "no_good", "ko", "abnormal", "good_print")),
        *((n, False) for n in ("NG", "free", "7", "anomaly", "defect", "cleaning_mark")),
    ],
)
def test_names_that_sound_like_good(name: str, good: bool) -> None:
    assert is_named_good(name) == good


def test_a_kind_of_defect_that_sounds_like_good_is_noted(dataset: Path) -> None:
    (dataset / "nut/test/scratch").rename(dataset / "nut/test/OK")
    (dataset / "nut/ground_truth/scratch").rename(dataset / "nut/ground_truth/OK")
    assert notes(dataset) == {("nut", "good name"): (2, 2)}


def test_a_category_called_like_the_mean_over_categories_is_refused(dataset: Path) -> None:
    (dataset / "nut").rename(dataset / "mean")
    with pytest.raises(DataError, match=r"category 'mean' in .*: tables call the mean"):
        built(dataset)
    assert built(dataset, categories=["cup"]).categories == ("cup",)


def test_a_file_is_decoded_again_if_it_becomes_a_mask(dataset: Path, tmp_path: Path) -> None:
    """An image and a mask with the same pixels have different hashes."""
    cache = tmp_path / "cache"
    built(dataset, cache=cache)
    image = dataset / "nut/test/good/000.png"
    mask = masks_of(dataset, "nut")[0]
    stamp = os.stat(mask)
    os.replace(mask, image)
    os.utime(image, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert built(dataset, cache=cache) == built(dataset)
