"""Read a folder whose layout a TOML file describes by patterns: `cadbench-data.toml`.

The keys, with their default in brackets:

name         the dataset's name [the folder's name]
root         folder that the patterns refer to, relative to the file [the file's folder]
category     the only category, if the patterns have no {category}
good         good images: for training, or for both splits with test_share
test_good    good images for testing; or
test_share   fraction of `good` that is used for testing, above 0 and below 1
defect       defective images, all for testing; {defect} is their kind [`defective`]
mask         masks; {stem}, {category} and {defect} must be those of the image

good, test_good, defect and mask are patterns (see `patterns`) or lists of patterns. A file that
`mask` matches is not an image, and a file that `good` or `test_good` matches is not defective. If a
pattern of images has no {stem}, their stem is the file name without its extension. `test_share`
selects the images whose paths have the smallest hashes, so the split is the same every time.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ....results.counts import format_count
from ....results.errors import DataError, UsageError
from ....results.validation import convert, mismatch, read_toml
from ..entries import GOOD, Entry, defective_entry
from ..folders import is_image, walk
from ..notes.left_out import LeftOut
from ..reader import AutoRule, Reader
from .patterns import PLACEHOLDERS, Pattern

DESCRIPTION = "cadbench-data.toml"
_DEFECTIVE = "defective"
_PATTERNS = {
    "good": ("category", "stem"),
    "test_good": ("category", "stem"),
    "defect": PLACEHOLDERS,
    "mask": PLACEHOLDERS,
}

MaskKey = tuple[str | None, str | None, str]
"""Category, defect and stem of a mask's image; None if the mask's pattern does not have them."""


def description_at(place: Path) -> Path | None:
    """The description file at a path: the path itself, or the file in this folder. None if none."""
    if place.suffix.lower() == ".toml":
        return place
    return file if (file := place / DESCRIPTION).is_file() else None


@dataclass(frozen=True)
class _Description:
    good: str | tuple[str, ...]
    defect: str | tuple[str, ...]
    test_good: str | tuple[str, ...] | None = None
    test_share: float | None = None
    mask: str | tuple[str, ...] | None = None
    name: str | None = None
    root: str | None = None
    category: str | None = None


class Described(Reader):
    """Reader of one description file. The folder is listed once, on first use."""

    title = "a described folder"
    layout = "the files that its description names"

    def __init__(self, file: Path) -> None:
        self.file = file
        description = convert(read_toml(file, DataError), _Description, str(file))
        self.patterns = {
            key: _parse_patterns(value, f"{file}: {key}", words)
            for key, words in _PATTERNS.items()
            if (value := getattr(description, key)) is not None
        }
        for key in ("name", "root", "category"):
            if (text := getattr(description, key)) is not None:
                _check_line(text, f"{file}: {key}")
        self.share = description.test_share
        self.category = description.category
        self.name = description.name
        self.root = file.absolute().parent / Path(description.root or ".").expanduser()
        if not self.root.is_dir():
            raise DataError(f"{file}: root: no such folder: {self.root}; correct root")
        self._check_keys()

    def own_name(self, root: Path) -> str:
        return self.name or root.resolve().name

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "described"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        count = format_count(len(found), "category")
        return f"dataset: {name}, {count} in {root}, described by {self.file.name}"

    def categories_in(self, root: Path) -> list[str]:
        return sorted({entry.category for entry in self._entries})

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        return [
            entry
            for category in categories
            for entry in self._entries
            if entry.category == category
        ]

    def left_out(
        self, root: Path, categories: Sequence[str], entries: Sequence[Entry]
    ) -> list[LeftOut]:
        listed = {path for entry in self._entries for path in (entry.path, *entry.mask_paths)}
        folders = collections.Counter(
            str(PurePosixPath(path).parent) for path in self._files if path not in listed
        )
        reason = f"are not read: they match no pattern of {self.file.name}"
        return [LeftOut("", folder, reason, count) for folder, count in sorted(folders.items())]

    @cached_property
    def _files(self) -> list[str]:
        """All images below the root."""
        return sorted(path for path in walk(self.root) if is_image(path))

    @cached_property
    def _entries(self) -> list[Entry]:
        files = self._files
        masks = self._masks(files)
        mask_files = {path for paths in masks.values() for path in paths}
        images = [path for path in files if path not in mask_files]
        good = self._matched("good", images)
        test_good = self._matched("test_good", images)
        for path in good.keys() & test_good.keys():
            raise self._collision(path, "good", "test_good")
        defects = self._matched("defect", images)
        for path in sorted(defects.keys() & (good.keys() | test_good.keys())):
            if "defect" not in defects[path]:
                raise self._collision(path, "defect", "good" if path in good else "test_good")
            del defects[path]
        if not defects:
            raise DataError(f"{self.file}: defect matches only good images; correct the pattern")
        for_testing = self._test_share_of(good)
        entries = [
            Entry(words["category"], "test" if path in for_testing else "train", GOOD, path)
            for path, words in good.items()
        ]
        entries += [Entry(words["category"], "test", GOOD, p) for p, words in test_good.items()]
        entries += self._with_masks(defects, masks)
        return entries

    def _matched(self, key: str, paths: Sequence[str]) -> dict[str, dict[str, str]]:
        """Path -> values of the placeholders in the pattern that matches; always has `category`."""
        found: dict[str, dict[str, str]] = {}
        for pattern in self.patterns.get(key, ()):
            matches = False
            for path in paths:
                words = pattern.match(path)
                if words is None:
                    continue
                matches = True
                if path in found:
                    raise DataError(
                        f"{self.file}: {path} matches two patterns of {key}; change one so "
                        "that only one matches"
                    )
                found[path] = {"category": self.category or "", **words}
            if not matches:
                raise DataError(
                    f"{self.file}: {key} = {pattern.text!r} matches no image in {self.root}; "
                    "correct the pattern or root"
                )
        return found

    def _masks(self, paths: Sequence[str]) -> dict[MaskKey, list[str]]:
        """The mask files by the image they belong to."""
        masks: dict[MaskKey, list[str]] = {}
        for path, words in self._matched("mask", paths).items():
            category = words.get("category") if self.category is None else None
            masks.setdefault((category, words.get("defect"), words["stem"]), []).append(path)
        return masks

    def _with_masks(
        self, defects: Mapping[str, Mapping[str, str]], masks: Mapping[MaskKey, Sequence[str]]
    ) -> Iterator[Entry]:
        """The entries of the defective images; every mask must belong to exactly one of them."""
        used: dict[MaskKey, str] = {}
        for path, words in defects.items():
            stem = words.get("stem", PurePosixPath(path).stem)
            keys = [
                key
                for key in (
                    (category, defect, stem)
                    for category in (words["category"], None)
                    for defect in (words.get("defect"), None)
                )
                if key in masks
            ]
            for key in dict.fromkeys(keys):
                if key in used:
                    raise DataError(
                        f"{self.file}: the mask {masks[key][0]} belongs to two images, {used[key]} "
                        f"and {path}; add {{category}} or {{defect}} to the pattern mask"
                    )
                used[key] = path
            if words.get("defect") == GOOD:
                raise DataError(
                    f"{self.file}: defect matches {path} with {{defect}} = good; match such images "
                    "with test_good"
                )
            found = tuple(mask for key in dict.fromkeys(keys) for mask in masks[key])
            yield defective_entry(words["category"], words.get("defect", _DEFECTIVE), path, found)
        for key, paths in masks.items():
            if key not in used:
                raise DataError(
                    f"{self.file}: mask without image: {paths[0]} belongs to a defective image "
                    f"with the stem {key[2]!r}, but there is none"
                )

    def _test_share_of(self, good: Mapping[str, Mapping[str, str]]) -> set[str]:
        """The good images that `test_share` selects for testing."""
        if self.share is None:
            return set()
        by_category: dict[str, list[str]] = {}
        for path, words in good.items():
            by_category.setdefault(words["category"], []).append(path)
        chosen: set[str] = set()
        for category, paths in by_category.items():
            count = max(1, round(self.share * len(paths)))
            if count == len(paths):
                raise DataError(
                    f"{self.file}: test_share {self.share:g} leaves no training images of "
                    f"{category}, which has {len(paths)} good images; make it smaller"
                )
            chosen |= set(sorted(paths, key=_hash)[:count])
        return chosen

    def _collision(self, path: str, one: str, other: str) -> DataError:
        return DataError(
            f"{self.file}: {path} matches both {one} and {other}; change one so that "
            "only one matches"
        )

    def _check_keys(self) -> None:
        where = f"{self.file}"
        if ("test_good" in self.patterns) == (self.share is not None):
            raise UsageError(f"{where}: give either test_good or test_share")
        if self.share is not None and not 0 < self.share < 1:
            expected = "a number between 0 and 1"
            raise UsageError(mismatch(f"{where}: test_share", expected, self.share))
        for key, patterns in self.patterns.items():
            for pattern in patterns:
                if key == "mask" and "stem" not in pattern.words:
                    raise UsageError(f"{where}: mask {pattern.text!r} needs {{stem}}")
                if key != "mask" and ("category" in pattern.words) == (self.category is not None):
                    raise UsageError(
                        f"{where}: {key} {pattern.text!r}: give either {{category}} in every "
                        "pattern, or the key category"
                    )


def _parse_patterns(
    value: str | Sequence[str], where: str, placeholders: tuple[str, ...]
) -> tuple[Pattern, ...]:
    texts = [value] if isinstance(value, str) else value
    if not texts:
        raise UsageError(f"{where}: the list is empty")
    for text in texts:
        _check_line(text, where)
    try:
        return tuple(Pattern.parse(text, placeholders) for text in texts)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _check_line(text: str, where: str) -> None:
    if not text.strip() or not text.isprintable():
        raise UsageError(mismatch(where, "one line of text", text))


def _hash(path: str) -> str:
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()
