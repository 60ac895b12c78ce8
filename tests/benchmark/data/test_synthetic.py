"""The built-in synthetic set: fixed pixels, exact masks, the promised folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data import synthetic
from cadbench.benchmark.data.synthetic import canvas
from cadbench.benchmark.data.synthetic import render as rendering
from cadbench.benchmark.data.synthetic.canvas import SIZE, Frame
from cadbench.benchmark.data.synthetic.categories import CATALOG
from cadbench.benchmark.data.synthetic.random_stream import RandomStream
from cadbench.benchmark.data.synthetic.render import ImageSpec, image_specs, render
from cadbench.benchmark.system.reporting import Silent
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


@pytest.fixture
def small(monkeypatch):
    """A set of six images, drawn in this process."""
    few = [ImageSpec("oak", "train", "good", 0), ImageSpec("oak", "test", "good", 0)]
    few += [ImageSpec("key", "test", kind, 0) for kind in CATALOG["key"].defects[:2]]
    monkeypatch.setattr(rendering, "image_specs", lambda: iter(few))
    monkeypatch.setattr("cadbench.benchmark.system.processes.available_cores", lambda: 0)
    return few


def test_the_folder_has_the_mvtec_layout_and_the_drawn_pixels(small, tmp_path):
    folder = synthetic.ensure_generated(tmp_path, Silent())
    assert folder == tmp_path / f"synthetic-v{synthetic.VERSION}"
    first, second = CATALOG["key"].defects[:2]
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png")) == [
        f"key/ground_truth/{first}/000_mask.png",
        f"key/ground_truth/{second}/000_mask.png",
        f"key/test/{first}/000.png",
        f"key/test/{second}/000.png",
        "oak/test/good/000.png",
        "oak/train/good/000.png",
    ]
    pixels, mask = render(ImageSpec("key", "test", first, 0))
    with Image.open(folder / "key" / "test" / first / "000.png") as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    with Image.open(folder / "key" / "ground_truth" / first / "000_mask.png") as image:
        np.testing.assert_array_equal(np.asarray(image), mask * np.uint8(255))


def test_a_drawn_set_is_not_drawn_again(small, tmp_path, monkeypatch):
    synthetic.ensure_generated(tmp_path, Silent())
    monkeypatch.setattr(rendering, "image_specs", lambda: pytest.fail("generated again"))
    synthetic.ensure_generated(tmp_path, Silent())


def test_what_a_killed_run_left_is_replaced(small, tmp_path):
    partial = tmp_path / f"synthetic-v{synthetic.VERSION}.123.partial"
    (partial / "oak").mkdir(parents=True)
    (partial / "oak" / "half.png").write_bytes(b"half")
    folder = synthetic.ensure_generated(tmp_path, Silent())
    assert not partial.exists()
    assert not (folder / "oak" / "half.png").exists()


def test_of_two_at_once_one_draws_and_the_other_waits(small, tmp_path, monkeypatch):
    runs = []

    def counted():
        runs.append(1)
        yield from small

    monkeypatch.setattr(rendering, "image_specs", counted)
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: synthetic.ensure_generated(tmp_path, Silent()), range(2)))
    assert len(runs) == 1
    assert folders[0] == folders[1]


def test_a_full_disk_is_one_clear_line_and_leaves_no_folder(small, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rendering, "_save", full)
    with pytest.raises(CadbenchError, match="no space left while writing"):
        synthetic.ensure_generated(tmp_path, Silent())
    assert not any(path.is_dir() for path in tmp_path.glob("synthetic-*"))


def test_progress_counts_every_image(small, tmp_path):
    seen = []

    class Counting(Silent):
        @contextlib.contextmanager
        def task(self, description, total, unit):
            seen.append((description, total, unit))
            yield self

        def advance(self, amount=1):
            seen.append(amount)

    synthetic.ensure_generated(tmp_path, Counting())
    assert seen[0] == ("generating the synthetic images", 1050, "images")
    assert sum(seen[1:]) == len(small)
