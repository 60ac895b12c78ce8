"""docs/data.md as a user follows it: its table, its description and its reader."""

from __future__ import annotations

import re
from pathlib import Path

from cadbench.benchmark.data.opening.registry import AUTO, dataset_names, load_reader
from cadbench.benchmark.data.scan import scan

from tests.benchmark.data.opening.test_registry import afresh, offer

DOCUMENT = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)

__all__ = ["afresh", "offer"]


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_the_table_names_every_data_set_and_its_usual_folders():
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\|(.*?)\|$", DOCUMENT, re.MULTILINE))
    builtin = {name for name in dataset_names() if load_reader(name).folders}
    assert set(rows) == {*builtin, "folder", "synthetic", AUTO}
    for name in builtin:
        assert [usual.lower() for usual in re.findall(r"`(.*?)`", rows[name])] == [
            *load_reader(name).folders
        ]


def test_the_description_finds_what_it_describes(tmp_path):
    description, _ = (text for language, text in BLOCKS if language == "toml")
    (tmp_path / "cadbench-data.toml").write_text(description)
    touch(tmp_path, *(f"lid/ok/{n}.png" for n in range(10)), "lid/nok/hole/a.png")
    touch(tmp_path, "masks/lid_a_1.png", "masks/lid_a_2.png")
    reader, root = load_reader("folder").resolve(tmp_path)
    entries = scan(root, None, reader)
    assert reader.own_name(root) == "castings"
    assert sum(e.split == "train" for e in entries) == 7
    (defective,) = (e for e in entries if e.defect != "good")
    assert (defective.defect, len(defective.mask_paths)) == ("hole", 2)


def test_the_reader_of_the_document_is_found_and_reads(tmp_path, offer):
    (code,) = (text for language, text in BLOCKS if language == "python")
    _, points = (text for language, text in BLOCKS if language == "toml")
    ((name, target),) = re.findall(r'^(\w+) = "(.*)"$', points, re.MULTILINE)
    offer(**{name: target})
    (tmp_path / "site-flat-reader" / "castings_reader.py").write_text(code)
    root = tmp_path / "castings"
    touch(root, "lid/a.png", "lid/b.png", "rim/c.png")
    (root / "list.txt").write_text("lid/a.png ok train\nlid/b.png hole test\nrim/c.png ok train\n")
    entries = scan(root, ["lid"], load_reader(name), name)
    assert [(e.path, e.split, e.defect) for e in entries] == [
        ("lid/a.png", "train", "good"),
        ("lid/b.png", "test", "hole"),
    ]
