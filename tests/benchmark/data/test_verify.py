"""Verifying reads every image anew, and names what is not as published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cadbench.benchmark.data.catalog import Official
from cadbench.benchmark.data.verify import (
    compare,
    count_listed_images,
    find_folder,
    verify,
    verify_folder,
)
from cadbench.benchmark.system.reporting import Silent

from tests.faults.miniature import archive, entry, files

MINI = entry(archive())


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    for name, data in files().items():
        path = tmp_path / "mini" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "mini"


def test_a_whole_data_set_has_no_difference(mini):
    verified = verify(MINI, mini, Silent())
    assert verified.passed
    assert [row.found for row in verified.rows] == [Official(3, 2, 2, 2)] * 2
    assert count_listed_images("mvtec", mini) == MINI.counts


def test_differences_are_named_by_category(mini):
    (mini / "cup/train/good/000.png").unlink()
    (mini / "cup/ground_truth/dent/000_mask.png").unlink()
    (mini / "nut").rename(mini / "bolt")
    verified = verify(MINI, mini, Silent())
    assert {row.category: row.difference for row in verified.differing} == {
        "bolt": "not published",
        "cup": "train -1, masks -1",
        "nut": "missing",
    }
    assert not verified.passed


def test_damage_that_keeps_size_and_time_is_found(mini):
    assert verify(MINI, mini, Silent()).passed
    image = mini / "cup/test/dent/001.png"
    before = image.stat()
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 255
    image.write_bytes(data)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    verified = verify(MINI, mini, Silent())
    assert [skipped.path for skipped in verified.unreadable] == ["cup/test/dent/001.png"]
    assert not verified.passed


def test_a_folder_of_ones_own_is_read_and_not_compared(mini):
    verified = verify_folder(mini, Silent())
    assert verified.passed
    assert not verified.official
    assert {row.difference for row in verified.rows} == {""}


@pytest.mark.parametrize("name", ["", "mini", "mini_ad"])
def test_a_data_set_is_found_by_its_categories(tmp_path, name):
    for category in ("cup", "nut"):
        (tmp_path / name / category / "train").mkdir(parents=True)
    assert find_folder(MINI, [tmp_path / "none", tmp_path]) == tmp_path / name


def test_a_folder_with_one_category_of_that_name_among_others_is_another_data_set(tmp_path):
    for category in ("cup", "plate", "spoon"):
        (tmp_path / category / "train").mkdir(parents=True)
    assert find_folder(MINI, [tmp_path]) is None


def test_without_published_counts_nothing_differs():
    rows = compare({"cup": Official(1, 2, 3, 0)}, {})
    assert [(row.official, row.difference) for row in rows] == [(None, "")]
