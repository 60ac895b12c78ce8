"""Own layouts by a small TOML file: what its patterns find, and what each mistake is told as."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from cadbench.benchmark.data import folders
from cadbench.benchmark.data.entries import Entry
from cadbench.benchmark.data.readers.described_layout import DESCRIPTION, Described
from cadbench.benchmark.data.readers.folder import Folder
from cadbench.benchmark.data.readers.patterns import PLACEHOLDERS, Pattern
from cadbench.benchmark.data.scan import scan
from cadbench.results.errors import CadbenchError, DataError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st

FILES = (
    *(f"cup/ok/{n}.png" for n in range(10)),
    *(f"nut/ok/{n}.png" for n in range(4)),
    "cup/bad/crack/a.png",
    "cup/bad/chip/a.png",
    "nut/bad/crack/b.png",
    "nut/bad/crack/c.png",
    "masks/cup-crack-a.png",
    "masks/cup-chip-a.png",
    "masks/nut-crack-b.png",
    "cup/ok/notes.txt",
    "cup/ok/.hidden.png",
)
OURS = """
good = "{category}/ok/*.png"
test_share = 0.3
defect = "{category}/bad/{defect}/{stem}.png"
mask = "masks/{category}-{defect}-{stem}.png"
"""


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    root = tmp_path / "parts"
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / DESCRIPTION).write_text(OURS)
    return root


def entries_of(place: Path) -> list[Entry]:
    reader, root = Folder().resolve(place)
    return scan(root, None, reader)


def refusal(root: Path, text: str) -> CadbenchError:
    (root / DESCRIPTION).write_text(text)
    with pytest.raises(CadbenchError) as caught:
        entries_of(root)
    message = str(caught.value)
    assert "\n" not in message
    assert DESCRIPTION in message
    return caught.value


def test_patterns_give_categories_kinds_and_masks(parts):
    entries = entries_of(parts)
    assert [e.path for e in entries if e.defect != "good"] == [
        "cup/bad/chip/a.png",
        "cup/bad/crack/a.png",
        "nut/bad/crack/b.png",
        "nut/bad/crack/c.png",
    ]
    masks = {e.path: e.mask_path for e in entries if e.defect != "good"}
    assert masks["cup/bad/chip/a.png"] == "masks/cup-chip-a.png"
    assert masks["nut/bad/crack/c.png"] is None
    assert {(e.category, e.defect) for e in entries if e.mask_path} == {
        ("cup", "crack"),
        ("cup", "chip"),
        ("nut", "crack"),
    }


def test_the_share_for_testing_is_of_each_category_and_the_same_each_time(parts):
    entries = entries_of(parts)
    held = {e.path for e in entries if e.defect == "good" and e.split == "test"}
    assert sorted(path[:3] for path in held) == ["cup"] * 3 + ["nut"]
    assert sum(e.split == "train" for e in entries) == 10
    (parts / "cup/ok/notes.txt").unlink()
    assert {e.path for e in entries_of(parts) if e.defect == "good" and e.split == "test"} == held


def test_a_description_by_name_may_lie_elsewhere_and_name_the_data(parts, tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(f'name = "line 3"\nroot = "parts"\n{OURS}')
    (parts / DESCRIPTION).unlink()
    reader, root = Folder().resolve(file)
    assert root.resolve() == parts.resolve()
    assert reader.own_name(root) == "line 3"
    assert reader.categories_in(root) == ["cup", "nut"]
    assert len(entries_of(file)) == 18


def test_the_mvtec_layout_can_be_described_and_one_category_needs_no_placeholder(tmp_path):
    for path in ("train/good/a.png", "test/good/b.png", "test/dent/c.png", "gt/dent/c_mask.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / DESCRIPTION).write_text(
        'category = "lid"\ngood = "train/good/*.png"\ntest_good = "test/good/*.png"\n'
        'defect = "test/{defect}/*.png"\nmask = "gt/{defect}/{stem}_mask.png"\n'
    )
    assert entries_of(tmp_path) == [
        Entry("lid", "train", "good", "train/good/a.png"),
        Entry("lid", "test", "good", "test/good/b.png"),
        Entry("lid", "test", "dent", "test/dent/c.png", "gt/dent/c_mask.png"),
    ]


def test_masks_beside_their_images_and_in_several_files_are_no_images(tmp_path):
    for name in ("ok/1", "ok/2", "bad/a", "bad/a_mask1", "bad/a_mask2"):
        (tmp_path / "x" / f"{name}.png").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / f"{name}.png").touch()
    (tmp_path / DESCRIPTION).write_text(
        'good = "{category}/ok/*.png"\ntest_share = 0.5\ndefect = "{category}/bad/*.png"\n'
        'mask = "{category}/bad/{stem}_mask?.png"\n'
    )
    (defective,) = (e for e in entries_of(tmp_path) if e.defect != "good")
    assert defective.defect == "defective"
    assert defective.mask_paths == ("x/bad/a_mask1.png", "x/bad/a_mask2.png")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("good =", "goood =", "unknown key 'goood' (did you mean good?)"),
        ("good =", "good", "is not TOML"),
        ('"{category}/ok/*.png"', "3", "good: expected text or a list, got 3"),
        ('"{category}/ok/*.png"', "[]", "good: the list is empty"),
        ('good = "{category}/ok/*.png"', "", "good is missing"),
        ('defect = "{category}/bad/{defect}/{stem}.png"', "", "defect is missing"),
        ("test_share = 0.3", "", "either test_good or test_share"),
        ("0.3", "1.5", "test_share: expected a number between 0 and 1, got 1.5"),
        ("0.3", "true", "test_share: expected a number, got True"),
        ("{category}/ok", "{categroy}/ok", "unknown placeholder {categroy}"),
        ("{category}/ok/*", "{category}/{defect}/*", "unknown placeholder {defect}"),
        ("{category}/ok", "{category}/{category}", "has {category} twice"),
        ("{category}/ok/*", "{category}/**/*", "** is not supported"),
        ("{category}/ok", "{category/ok", "unmatched brace"),
        ("{category}/ok", "../{category}", "must be a relative path"),
        ("{category}/ok", "ok", "give either {category} in every pattern, or the key"),
        ("-{stem}.png", "-*.png", "needs {stem}"),
    ],
)
def test_a_wrong_word_in_a_description_is_wrong_usage(parts, old, new, said):
    error = refusal(parts, OURS.replace(old, new, 1))
    assert isinstance(error, UsageError)
    assert said in str(error)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/ok/*.png", "/okay/*.png", "good = '{category}/okay/*.png' matches no image"),
        ("masks/", "mask/", "matches no image in"),
        ("0.3", "0.9", "leaves no training images of nut, which has 4"),
        ("test_share = 0.3", 'test_good = "{category}/ok/1.png"', "both good and test_good"),
        ('"{category}/ok/*.png"', '["{category}/ok/*.png", "cup/*/{stem}.png"]', "category"),
        ("bad/{defect}/{stem}.png", "ok/{stem}.png", "both defect and good"),
        ("{category}-{defect}-{stem}", "{category}-*-{stem}", "belongs to two images"),
        ("{category}-{defect}", "{defect}-{category}", "mask without image"),
        ('root = "."', 'root = "none"', "root: no such folder"),
    ],
)
def test_patterns_that_match_nothing_or_collide_are_one_line(parts, old, new, said):
    assert said in str(refusal(parts, f'root = "."\n{OURS}'.replace(old, new, 1)))


def test_two_patterns_of_one_key_that_meet_are_refused_and_a_defect_called_good_too(parts):
    text = OURS.replace('"{category}/ok/*.png"', '["{category}/ok/*.png", "{category}/ok/1.*"]')
    assert "matches two patterns of good" in str(refusal(parts, text))
    (parts / "cup/bad/crack").rename(parts / "cup/bad/good")
    text = OURS.replace('mask = "masks/{category}-{defect}-{stem}.png"', "")
    assert "with {defect} = good" in str(refusal(parts, text))


def test_a_description_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.toml cannot be read: No such file"):
        Described(tmp_path / "none.toml")


WORD = st.sampled_from(["a", "cup", "ß", "a_m1", "x (1)", "[a]", "1.5", "a+b", "^a$", "a|b", ".a"])


@settings(max_examples=30)
@given(category=WORD, defect=WORD, stem=WORD)
def test_a_path_written_by_a_pattern_is_read_back_by_it(category, defect, stem):
    pattern = Pattern.parse("{category}/x (1)/{defect}/{stem}_m?.*", PLACEHOLDERS)
    found = pattern.match(f"{category}/x (1)/{defect}/{stem}_m1.png")
    assert found == {"category": category, "defect": defect, "stem": stem}
    assert pattern.match(f"{category}/x (1)/{defect}/more/{stem}_m1.png") is None


def test_links_to_a_folder_above_end(parts: Path) -> None:
    before = entries_of(parts)
    (parts / "cup/loop").symlink_to(parts)
    (parts / "cup/bad/crack/loop").symlink_to(parts / "cup/bad")
    (parts / "nut/self").symlink_to(parts / "nut/self")
    assert entries_of(parts) == before


def test_a_maze_of_links_is_refused(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_FOLDERS", 500)
    for number in range(12):
        (parts / f"maze/{number}").mkdir(parents=True)
        for name in ("left", "right"):
            (parts / f"maze/{number}/{name}").symlink_to(parts / f"maze/{number + 1}")
    with pytest.raises(DataError, match="more than 500 folders, perhaps by links"):
        entries_of(parts)


def _make_deep(root: Path, name: str, depth: int) -> None:
    """Make folders in each other, which `os.makedirs` cannot at this depth."""
    before = os.getcwd()
    try:
        os.chdir(root)
        for _ in range(depth):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(before)


def test_very_deep_folders_are_read(parts: Path) -> None:
    before = entries_of(parts)
    _make_deep(parts, "d", 1100)
    try:
        assert entries_of(parts) == before
    finally:
        subprocess.run(["rm", "-rf", parts / "d"], check=True)  # Python's rmtree is recursive


def test_a_path_that_is_too_long_is_refused_in_one_line(parts: Path) -> None:
    _make_deep(parts, "d" * 200, 25)
    with pytest.raises(DataError, match=r"cannot list .*: File name too long") as caught:
        entries_of(parts)
    assert len(str(caught.value)) < 500


def test_many_stars_against_a_long_name_end() -> None:
    pattern = Pattern.parse("*a" * 40 + "*b.png", PLACEHOLDERS)
    assert pattern.match("a" * 200 + ".png") is None
    assert pattern.match("a" * 200 + "b.png") == {}


def test_images_that_match_no_pattern_are_counted(parts: Path) -> None:
    for name in ("cup/ok/deeper/1.png", "cup/other/2.png", "cup/other/3.png"):
        (parts / name).parent.mkdir(parents=True, exist_ok=True)
        (parts / name).touch()
    reader, root = Folder().resolve(parts)
    left_out = reader.left_out(root, ["cup", "nut"], entries_of(parts))
    assert [(each.folder, each.count) for each in left_out] == [
        ("cup/ok/deeper", 1),
        ("cup/other", 2),
    ]


@given(
    st.lists(st.sampled_from(["*", "?", "a", "ab", "/", "{stem}", "{defect}"]), max_size=8),
    st.text("ab/", max_size=9),
)
def test_patterns_match_as_regular_expressions_do(pieces: list[str], path: str) -> None:
    try:
        pattern = Pattern.parse("".join(pieces), PLACEHOLDERS)
    except UsageError:
        return
    known = {"*": "[^/]*", "?": "[^/]"}
    regex = "".join(
        f"(?P<{piece[1:-1]}>[^/]+)" if piece[0] == "{" else known.get(piece, piece)
        for piece in pieces
    )
    found = re.fullmatch(regex, path)
    assert pattern.match(path) == (None if found is None else found.groupdict())
