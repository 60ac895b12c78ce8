"""`cadbench data verify` on a folder of one's own: what it says per category, and its exit code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.benchmark.cli.test_errors import assert_refused


@pytest.fixture
def verify(call, plates):
    root = plates()
    return lambda *words: call("data", "verify", "-q", *words or ("--data-root", root))


@pytest.fixture
def bolt(verify, tmp_path: Path) -> Path:
    return tmp_path / "plates" / "bolt"


def test_ordinary_data_are_complete_and_nothing_is_odd(verify):
    done = verify()
    assert (done.code, done.err) == (0, "")
    assert "3 categories, 30 images, all readable" in done.out


def test_what_is_odd_is_counted_per_category_and_never_called_all_readable(verify, bolt):
    (bolt / "train/good/more").mkdir()
    (bolt / "train/good/000.png").rename(bolt / "train/good/more/000.png")
    spot = bolt / "ground_truth/spot"
    Image.new("L", (64, 64)).save(spot / "000_mask.png")
    Image.fromarray(255 - np.asarray(Image.open(spot / "001_mask.png"))).save(spot / "001_mask.png")
    (bolt / "test/spot").rename(bolt / "test/OK")
    spot.rename(bolt / "ground_truth/OK")
    done = verify()
    assert done.code == 0
    assert "all readable" not in done.out
    assert "3 categories, 29 images read; see the warnings" in done.out
    for line in (
        "warning: bolt: 1 file in bolt/train/good/more is not read: it is in a sub-folder",
        "warning: bolt: 1 of 4 masks is empty, though its image is defective, and counts",
        "of the image; is it inverted?",
        "have the kind of defect 'OK', which sounds like good",
    ):
        assert line in done.err
    head, row = (
        line.split("|")
        for line in done.out.splitlines()
        if line.startswith(("| category | not", "| bolt")) and len(line.split("|")) > 12
    )
    facts = {name.strip(): value.strip() for name, value in zip(head, row, strict=True)}
    assert facts["not read"] == "1"
    assert facts["masks"] == "3"
    assert facts["empty"] == "1"
    assert facts["cut off %"] == "23.4"


def test_defects_outside_the_crop_are_counted(verify, bolt):
    for file in sorted((bolt / "ground_truth").rglob("*.png")):
        mask = np.zeros((64, 64), np.uint8)
        mask[0, :20] = 255
        Image.fromarray(mask).save(file)
    done = verify()
    assert "4 defective images show no defect after --resize crop" in done.err
    assert verify("--data-root", bolt.parent, "--resize", "pad").err == ""


def test_a_described_folder_and_named_roots_are_verified(verify, bolt):
    (bolt.parent / "cadbench-data.toml").write_text(
        'good = "{category}/train/good/*.png"\ntest_good = "{category}/test/good/*.png"\n'
        'defect = "{category}/test/{defect}/{stem}.png"\n'
        'mask = "{category}/ground_truth/{defect}/{stem}_mask.png"\n'
    )
    for words in (("--data-root", bolt.parent), ("--data-root", f"ours={bolt.parent}")):
        done = verify(*words)
        assert (done.code, done.err) == (0, ""), done
        assert "30 images, all readable" in done.out


def test_two_roots_are_refused(verify, bolt):
    refused = verify("--root", bolt.parent, "--data-root", bolt.parent)
    assert_refused(refused, 2, "--root and --data-root exclude each other")
