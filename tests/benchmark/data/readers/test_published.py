"""The published datasets in miniature: every image of the real layout, with its split and mask."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images.masks import decode_mask, read_mask_files
from cadbench.benchmark.data.manifest import Manifest, build_manifest
from cadbench.benchmark.data.opening.registry import load_reader
from cadbench.results.errors import DataError

from tests.benchmark.data.readers import miniatures as mini

GOOD_AND_BAD = {("train", "good"): 3, ("test", "good"): 2}
LAYOUTS = {
    "mpdd": (mini.draw_mpdd, ("bracket_black", "tubes"), {**GOOD_AND_BAD, ("test", "hole"): 2}),
    "btad": (mini.draw_btad, ("01", "02", "03"), {**GOOD_AND_BAD, ("test", "ko"): 2}),
    "mvtec_loco": (
        mini.draw_mvtec_loco,
        ("juice_bottle", "pushpins"),
        {
            **GOOD_AND_BAD,
            ("test", "logical_anomalies"): 1,
            ("test", "structural_anomalies"): 1,
        },
    ),
    "visa": (mini.draw_visa, ("candle", "pcb1"), {**GOOD_AND_BAD, ("test", "anomaly"): 2}),
    "real_iad": (
        mini.draw_real_iad,
        ("audiojack", "toy"),
        {("train", "good"): 3, ("test", "good"): 3, ("test", "QS"): 1},
    ),
}


def read(name: str, root: Path, *categories: str) -> Manifest:
    return build_manifest(name, root, categories or None, reader=load_reader(name), workers=0)


def refusal(name: str, root: Path, *categories: str) -> str:
    with pytest.raises(DataError) as caught:
        read(name, root, *categories)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_image_of_a_miniature_is_read_with_its_split_defect_and_mask(tmp_path, name):
    draw, categories, counts = LAYOUTS[name]
    manifest = read(name, draw(tmp_path))
    assert manifest.categories == categories
    for category in categories:
        items = (*manifest.train(category), *manifest.test(category))
        assert Counter((item.split, item.defect) for item in items) == counts
        for item in items:
            assert (item.mask is not None) == (item.defect != "good")
            if item.mask is not None:
                assert read_mask_files(tmp_path, item.mask_paths, item.mask).any()
    assert len({item.content for item in manifest.items}) == len(manifest.items)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_miniature_is_recognized_by_its_own_reader_alone(tmp_path, name):
    draw, _, _ = LAYOUTS[name]
    draw(tmp_path)
    for other in ("mvtec", *LAYOUTS):
        reader = load_reader(other)
        found = reader.categories_in(tmp_path)
        recognized = bool(found) and set(found) <= set(reader.categories)
        assert recognized == (other == name), other


def test_masks_in_several_files_are_united_and_stand_for_all_of_them(tmp_path):
    manifest = read("mvtec_loco", mini.draw_mvtec_loco(tmp_path), "pushpins")
    item = next(i for i in manifest.items if i.defect == "logical_anomalies")
    assert len(item.mask_paths) == 2
    both = [decode_mask(tmp_path / path).pixels for path in item.mask_paths]
    united = read_mask_files(tmp_path, item.mask_paths, item.mask)
    assert np.array_equal(united, both[0] | both[1])
    assert united.sum() == 2
    shutil.copy(tmp_path / item.mask_paths[0], tmp_path / item.mask_paths[1])
    changed = read("mvtec_loco", tmp_path, "pushpins")
    assert changed.hash != manifest.hash
    with pytest.raises(DataError, match="changed during the run"):
        read_mask_files(tmp_path, item.mask_paths, item.mask)


def test_an_image_of_which_one_mask_file_is_damaged_stays_without_a_mask(tmp_path):
    root = mini.draw_mvtec_loco(tmp_path)
    (root / "pushpins/ground_truth/logical_anomalies/000/001.png").write_bytes(b"")
    manifest = build_manifest(
        "mvtec_loco",
        root,
        ["pushpins"],
        reader=load_reader("mvtec_loco"),
        skip_unreadable=True,
        workers=0,
    )
    item = next(i for i in manifest.items if i.defect == "logical_anomalies")
    assert (item.mask, item.mask_paths) == (None, ())
    assert [skipped.path for skipped in manifest.skipped] == [
        "pushpins/ground_truth/logical_anomalies/000/001.png"
    ]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: "", ["is empty", "spot-diff"]),
        (lambda text: "object,split,label,image,mask\n", ["lists no image"]),
        (lambda text: text.replace("label", "kind"), ["has no column label"]),
        (lambda text: "\x00" + text, ["1cls.csv"]),
        (lambda text: text.replace("train,normal", "train,odd", 1), ["line 2", "'odd'"]),
        (lambda text: text.replace("train,normal", "val,normal", 1), ["line 2", "'val'"]),
        (lambda text: text.replace("test,anomaly", "train,anomaly", 1), ["line 7", "'train'"]),
        (lambda text: text.replace("0003.JPG,", "0003.JPG,m.png", 1), ["line 5", "no mask"]),
        (lambda text: text.replace("candle,train", ",train", 1), ["line 2", "image is missing"]),
        (lambda text: text.replace("0001.JPG", "0000.JPG", 1), ["0000.JPG", "listed twice"]),
        (lambda text: text.replace("Normal/0000", "Normal/9", 1), ["9.JPG", "No such file"]),
        (lambda text: text.replace("ly/000.png", "ly/9.png", 1), ["without image", "000.png"]),
        (lambda text: text.replace("candle/Data", "../Data", 1), ["is outside the dataset's"]),
        (lambda text: text.replace("Normal/0000", "Norm\x00l/0000", 1), ["not a valid file name"]),
        (
            lambda text: "\n".join(row for row in text.splitlines() if "pcb1" not in row),
            ["category pcb1 is not in"],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_list_of_visa_is_one_line(tmp_path, edit, said):
    message = refusal("visa", mini.draw_visa(tmp_path, edit))
    for words in said:
        assert words in message


def test_visa_without_its_list_or_with_other_bytes_is_one_line(tmp_path):
    root = mini.draw_visa(tmp_path)
    (root / "split_csv/1cls.csv").write_bytes(b"object\xff\xfe\n")
    assert "is not a CSV file" in refusal("visa", root)
    (root / "split_csv/1cls.csv").unlink()
    message = refusal("visa", root)
    assert "1cls.csv: No such file" in message
    assert "--dataset folder" in message


def test_categories_of_visa_can_be_left_out_when_they_are_in_no_list(tmp_path):
    def without(text: str) -> str:
        return "\n".join(row for row in text.splitlines() if "pcb1" not in row)

    assert read("visa", mini.draw_visa(tmp_path, without), "candle").categories == ("candle",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.pop("meta"), ["has no meta"]),
        (lambda content: content.pop("test"), ["has no test"]),
        (lambda content: content["meta"].pop("prefix"), ["meta has no prefix"]),
        (lambda content: content["train"].append("image.jpg"), ["train 4 must be an object"]),
        (lambda content: content["test"][0].pop("image_path"), ["test 1 has no image_path"]),
        (lambda content: content["test"][0].update(category="toy"), ["test 1", "'toy'"]),
        (lambda content: content["test"][2].update(mask_path=3), ["test 3", "mask_path"]),
        (lambda content: content["train"][0].update(anomaly_class="QS"), ["train 1", "'QS'"]),
        (
            lambda content: content["test"][2].update(mask_path="NG/none.png"),
            ["NG/none.png", "No such file"],
        ),
        (lambda content: content["test"].clear(), ["no test images"]),
    ],
)
def test_what_is_wrong_with_a_list_of_real_iad_is_one_line(tmp_path, change, said):
    root = mini.draw_real_iad(tmp_path)
    file = root / "realiad_jsons/audiojack.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    message = refusal("real_iad", root, "audiojack")
    for words in said:
        assert words in message


def test_real_iad_lists_that_are_broken_or_missing_are_one_line(tmp_path):
    root = mini.draw_real_iad(tmp_path)
    file = root / "realiad_jsons/audiojack.json"
    file.write_text('{"meta": ')
    assert "audiojack.json is not JSON" in refusal("real_iad", root)
    file.write_text("[]")
    assert "must have meta, train and test" in refusal("real_iad", root)
    file.unlink()
    assert "category audiojack has no list" in refusal("real_iad", root)
    assert read("real_iad", root, "toy").categories == ("toy",)


def test_real_iad_is_read_in_the_first_resolution_and_with_lists_in_a_folder_of_their_own(tmp_path):
    mini.draw_real_iad(tmp_path, "512", "realiad_jsons/realiad_jsons")
    small = read("real_iad", tmp_path)
    assert all(item.path.startswith("realiad_512/") for item in small.items)
    mini.draw_real_iad(tmp_path, "1024", "realiad_jsons/realiad_jsons")
    assert all(i.path.startswith("realiad_1024/") for i in read("real_iad", tmp_path).items)


def test_the_names_of_the_published_categories_are_as_many_as_published():
    counts = {"mvtec": 15, "mvtec_loco": 5, "visa": 12, "btad": 3, "mpdd": 6, "real_iad": 30}
    for name, count in counts.items():
        categories = load_reader(name).categories
        assert len(categories) == count
        assert list(categories) == sorted(set(categories))
