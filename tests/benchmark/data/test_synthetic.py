"""The built-in synthetic set: fixed pixels, exact masks, the promised folder."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data import synthetic
from cadbench.benchmark.data.images.decoding import content_hash
from cadbench.benchmark.data.manifest import build_manifest
from cadbench.benchmark.data.opening.open_dataset import open_dataset
from cadbench.benchmark.data.synthetic import canvas, files
from cadbench.benchmark.data.synthetic.canvas import SIZE, Frame
from cadbench.benchmark.data.synthetic.categories import CATALOG
from cadbench.benchmark.data.synthetic.files import (
    GeneratedRoot,
    checksums,
    image_path,
    mask_path,
)
from cadbench.benchmark.data.synthetic.random_stream import RandomStream
from cadbench.benchmark.data.synthetic.render import ImageSpec, image_specs, render
from cadbench.results.errors import CadbenchError
from PIL import Image

pytestmark = pytest.mark.xdist_group("synthetic images drawn once")
DEFECTS = [(name, kind) for name in CATALOG for kind in CATALOG[name].defects]

# SHA-256 over the pixels of the first good training image and, kind by kind, of the first
# defective image and its mask. A new hash is a new set: change VERSION with it.
PINNED = {
    "ampoule": "d9d01bc7ee2978b4",
    "biscuit": "6a3ab2490d67f779",
    "bolt": "5eb818adfae57003",
    "bracket": "5c8ba17fd422dedc",
    "brushed_steel": "f8862076cd7cb02f",
    "button": "b4c3f11979aa46a5",
    "coin_cell": "f42458bf381ed7d2",
    "connector": "3971be9d6d3a82d7",
    "denim": "41fefd4a774e27d4",
    "gear": "5e80df2363593986",
    "key": "51d3b0984755e085",
    "linen": "fe45b9e0ddc24305",
    "oak": "7f77a8897ea9a39b",
    "terrazzo": "6103deb829d115a5",
    "washer": "e7a8e57f9a166748",
}


@pytest.fixture(scope="module")
def drawn() -> dict[ImageSpec, tuple[np.ndarray, np.ndarray]]:
    """The pictures that the hashes are pinned of."""
    wanted = [ImageSpec(name, "train", "good", 0) for name in CATALOG]
    wanted += [ImageSpec(name, "test", kind, 0) for name, kind in DEFECTS]
    return {picture: render(picture) for picture in wanted}


@pytest.mark.parametrize("name", synthetic.CATEGORIES)
def test_pixels_and_masks_are_the_pinned_ones(name, drawn):
    digest = hashlib.sha256()
    for picture, (pixels, mask) in drawn.items():
        if picture.category == name:
            digest.update(pixels.tobytes() + mask.tobytes())
    assert digest.hexdigest()[:16] == PINNED[name]


def test_pixels_do_not_depend_on_the_vector_instructions_of_the_machine(drawn):
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    if not found:
        pytest.skip("this NumPy has only one set of instructions here")
    picture = ImageSpec("coin_cell", "test", "scratch", 0)
    program = (
        "import hashlib\n"
        "from cadbench.benchmark.data.synthetic.render import ImageSpec, render\n"
        f"pixels, _ = render({picture!r})\n"
        "print(hashlib.sha256(pixels.tobytes()).hexdigest())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(found)},
        cwd=Path(synthetic.__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == hashlib.sha256(drawn[picture][0].tobytes()).hexdigest()


def test_numbers_of_a_stream_are_pinned():
    stream = RandomStream("a", "b")
    assert stream.array(2).tolist() == [0.9925279399921633, 0.6626383002159609]
    assert stream.bell(2).tolist() == [0.8537939054364775, -0.19092422760789704]
    assert stream.child("c").integer(0, 10**9) == 65459042


def test_sine_and_angle_agree_with_the_library_within_what_drawing_needs():
    turns = np.linspace(-3, 3, 10_001)
    assert np.abs(canvas.sine(turns) - np.sin(2 * np.pi * turns)).max() < 1e-7
    assert np.abs(canvas.cosine(turns) - np.cos(2 * np.pi * turns)).max() < 1e-7
    frame = Frame(np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns))
    wrong = canvas.angle(frame) - turns
    assert np.abs(wrong - np.rint(wrong)).max() < 1e-6


def test_there_are_five_textures_and_ten_objects_in_alphabetical_order():
    assert (len(synthetic.TEXTURES), len(synthetic.OBJECTS)) == (5, 10)
    assert tuple(CATALOG) == synthetic.CATEGORIES == tuple(sorted(synthetic.CATEGORIES))


@pytest.mark.parametrize("name", synthetic.CATEGORIES)
def test_a_category_has_the_promised_number_of_images(name):
    mine = [picture for picture in image_specs() if picture.category == name]
    assert len(set(mine)) == len(mine)
    split = Counter((picture.split, picture.kind == "good") for picture in mine)
    assert split == {("train", True): 40, ("test", True): 10, ("test", False): 20}
    kinds = Counter(picture.kind for picture in mine if picture.kind != "good")
    assert len(kinds) >= 4
    assert max(kinds.values()) - min(kinds.values()) <= 1


@pytest.mark.parametrize(("name", "kind"), DEFECTS)
def test_a_defect_changes_the_picture_inside_its_mask_and_hardly_outside(name, kind, drawn):
    """Against the same picture without the defect; shadows and shading reach a little further."""
    picture = ImageSpec(name, "test", kind, 0)
    pixels, mask = drawn[picture]
    flawless, _ = render(picture, without_defect=True)
    change = np.abs(pixels.astype(int) - flawless).max(axis=2)
    near = canvas.blur(mask.astype(float), 6) > 0
    assert 20 <= mask.sum() <= 0.15 * SIZE * SIZE
    assert np.mean(change[mask] > 3) > 0.3
    assert np.mean(change[~near] > 3) < 0.002


def test_training_images_of_a_category_differ(drawn):
    for name in CATALOG:
        first = drawn[ImageSpec(name, "train", "good", 0)][0].astype(int)
        second = render(ImageSpec(name, "train", "good", 1))[0]
        assert np.mean(np.abs(first - second).max(axis=2) > 8) > 0.05


def test_the_checksums_are_those_of_the_drawn_files_and_there_is_one_per_file(drawn):
    for spec, (pixels, mask) in drawn.items():
        assert checksums()[image_path(spec)] == content_hash(pixels)
        if spec.kind != "good":
            assert checksums()[mask_path(spec)] == content_hash(mask)
    assert len(checksums()) == 1350


def test_the_manifest_is_that_of_the_files_and_none_is_drawn_for_it(tmp_path):
    manifest = open_dataset("synthetic", categories=["key", "oak"], cache=tmp_path)
    folder = tmp_path / f"synthetic-v{synthetic.VERSION}"
    assert not any(folder.iterdir())
    assert len(manifest.items) == 140
    for item in manifest.items[::8]:
        for path in (item.path, *item.mask_paths):
            assert (manifest.root / path).is_file()
    listed = {(folder / item.path).parent for item in manifest.items[::8]}
    listed |= {(folder / path).parent for item in manifest.items[::8] for path in item.mask_paths}
    assert {file.parent for file in folder.rglob("*.png")} == listed  # in MVTec AD's layout
    everything = build_manifest("files", folder, cache=None, workers=0)
    assert {item.identity for item in everything.items} < {i.identity for i in manifest.items}
    complete = open_dataset("synthetic", cache=tmp_path)
    assert complete.hash == "8c3c2037bd2398ab4b1157199ade479005f09c3ad2fd76dfa031bb46d8cf1546"


@pytest.fixture
def root(tmp_path):
    return GeneratedRoot(tmp_path / "set")


DEFECTIVE = ImageSpec("key", "test", CATALOG["key"].defects[0], 0)


def test_a_file_is_drawn_with_its_mask_when_it_is_first_read(root):
    pixels, mask = render(DEFECTIVE)
    with Image.open(root / image_path(DEFECTIVE)) as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert (root.folder / mask_path(DEFECTIVE)).is_file()
    with Image.open(root / mask_path(DEFECTIVE)) as image:
        np.testing.assert_array_equal(np.asarray(image), mask * np.uint8(255))
    assert len(list(root.folder.rglob("*"))) == 7  # two files in their folders, and no others


def test_a_drawn_file_is_not_drawn_again(root, monkeypatch):
    first = (root / image_path(DEFECTIVE)).stat()
    monkeypatch.setattr(files, "render", lambda spec: pytest.fail("generated again"))
    assert (root / image_path(DEFECTIVE)).stat() == first
    assert not (root / "key/test/good/999.png").exists()


def test_a_full_disk_is_one_clear_line_and_leaves_no_part_of_a_file(root, monkeypatch):
    def full(self, handle, *_, **__):
        handle.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(CadbenchError, match="no space left while writing"):
        root / image_path(DEFECTIVE)
    assert not any(path.is_file() for path in root.folder.rglob("*"))


def test_other_pixels_than_those_of_the_version_are_refused(root, monkeypatch):
    pixels, mask = render(DEFECTIVE)
    monkeypatch.setattr(files, "render", lambda spec: (pixels ^ 1, mask))
    with pytest.raises(CadbenchError, match="has other pixels on this machine than version 1"):
        root / mask_path(DEFECTIVE)
    assert not root.folder.exists()
