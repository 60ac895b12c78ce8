"""A folder of any layout, by a small TOML file: `cadbench-data.toml` in it, or one given by name.

name         what the dataset is called [the folder's name]
root         where the patterns begin, relative to the file [its folder]
category     the only category, where no pattern has {category}
good         good images: for training, or for both with test_share
test_good    good images for testing; or
test_share   the share of `good` that is kept for testing, above 0 and below 1
defect       defective images, all for testing; {defect} is their kind [`defective`]
mask         masks; their {stem}, and {category} and {defect} where given, are those of the image

Each of the four is a pattern (see `patterns`) or a list of them. A file that `mask` matches is no
image, and one that `good` or `test_good` matches is no defect. `{stem}` of an image is its name
without the ending where its pattern does not say otherwise. Of `good`, those images are kept whose
paths have the smallest hashes, so it is the same ones each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ....results.errors import DataError, UsageError
from ....results.validation import convert, mismatch, parse_toml
from ..entries import GOOD, Entry, defective_entry, is_image
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

Owner = tuple[str | None, str | None, str]
"""Category, defect and stem that a mask belongs to; None where its pattern does not say."""


def description_at(place: Path) -> Path | None:
    """The description that a place is or holds."""
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
    """A description, read and checked; its files are listed once, when they are first needed."""

    title = "a described folder"
    layout = "what its description says"

    def __init__(self, file: Path) -> None:
        self.file = file
        description = _load(file)
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
        self.root = file.absolute().parent / (description.root or ".")
        if not self.root.is_dir():
            raise DataError(f"{file}: root: no such folder: {self.root}")
        self._refuse_incomplete()

    def own_name(self, root: Path) -> str:
        return self.name or root.resolve().name

    def auto_rule(self, place: Path | None) -> AutoRule:
        return "described"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        return f"dataset: {name}, {len(found)} categories in {root}, described by {self.file.name}"

    def categories_in(self, root: Path) -> list[str]:
        return sorted({entry.category for entry in self._entries})

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        return [
            entry
            for category in categories
            for entry in self._entries
            if entry.category == category
        ]

    @cached_property
    def _entries(self) -> list[Entry]:
        files = [path for path in _walk(self.root) if is_image(path)]
        masks = self._masks(files)
        drawn = {path for paths in masks.values() for path in paths}
        images = [path for path in files if path not in drawn]
        good = self._matched("good", images)
        test_good = self._matched("test_good", images)
        for path in good.keys() & test_good.keys():
            raise self._collision(path, "good", "test_good")
        kinds = {"defect"} & self.patterns.keys()
        taken = good.keys() | test_good.keys()
        defects = self._matched("defect", images) if kinds else {}
        for path in sorted(defects.keys() & taken):
            if "defect" not in defects[path]:
                raise self._collision(path, "defect", "good" if path in good else "test_good")
            del defects[path]
        if kinds and not defects:
            raise DataError(f"{self.file}: defect matches good images only; mend the pattern")
        held_out = self._held_out(good)
        entries = [
            Entry(words["category"], "test" if path in held_out else "train", GOOD, path)
            for path, words in good.items()
        ]
        entries += [Entry(words["category"], "test", GOOD, p) for p, words in test_good.items()]
        entries += self._with_masks(defects, masks)
        return entries

    def _matched(self, key: str, paths: Sequence[str]) -> dict[str, dict[str, str]]:
        """Path -> the words of the pattern that matches it; category is always among them."""
        found: dict[str, dict[str, str]] = {}
        for pattern in self.patterns.get(key, ()):
            some = False
            for path in paths:
                words = pattern.match(path)
                if words is None:
                    continue
                some = True
                if path in found:
                    raise DataError(
                        f"{self.file}: {path} matches two patterns of {key}; make them exclude "
                        "each other"
                    )
                found[path] = {"category": self.category or "", **words}
            if not some:
                raise DataError(
                    f"{self.file}: {key} = {pattern.text!r} matches no image in {self.root}"
                )
        return found

    def _masks(self, paths: Sequence[str]) -> dict[Owner, list[str]]:
        masks: dict[Owner, list[str]] = {}
        for path, words in self._matched("mask", paths).items():
            category = words.get("category") if self.category is None else None
            masks.setdefault((category, words.get("defect"), words["stem"]), []).append(path)
        return masks

    def _with_masks(
        self, defects: Mapping[str, Mapping[str, str]], masks: Mapping[Owner, Sequence[str]]
    ) -> Iterator[Entry]:
        used: dict[Owner, str] = {}
        for path, words in defects.items():
            stem = words.get("stem", PurePosixPath(path).stem)
            owners = [
                owner
                for owner in (
                    (category, defect, stem)
                    for category in (words["category"], None)
                    for defect in (words.get("defect"), None)
                )
                if owner in masks
            ]
            for owner in dict.fromkeys(owners):
                if owner in used:
                    raise DataError(
                        f"{self.file}: the mask {masks[owner][0]} fits two images: {used[owner]} "
                        f"and {path}; put {{category}} or {{defect}} into mask"
                    )
                used[owner] = path
            if words.get("defect") == GOOD:
                raise DataError(
                    f"{self.file}: defect matches {path} and calls it good; name such images in "
                    "test_good"
                )
            found = tuple(mask for owner in dict.fromkeys(owners) for mask in masks[owner])
            yield defective_entry(words["category"], words.get("defect", _DEFECTIVE), path, found)
        for owner, paths in masks.items():
            if owner not in used:
                raise DataError(
                    f"{self.file}: mask without image: no defective image is called {owner[2]!r} "
                    f"as {paths[0]} says"
                )

    def _held_out(self, good: Mapping[str, Mapping[str, str]]) -> set[str]:
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
                    f"{self.file}: test_share {self.share:g} leaves no training image of "
                    f"{category}, which has {len(paths)}"
                )
            chosen |= set(sorted(paths, key=_hash)[:count])
        return chosen

    def _collision(self, path: str, one: str, other: str) -> DataError:
        return DataError(
            f"{self.file}: {path} matches both {one} and {other}; make them exclude each other"
        )

    def _refuse_incomplete(self) -> None:
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


def _load(file: Path) -> _Description:
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not TOML: it is not UTF-8 text") from error
    return convert(parse_toml(text, str(file)), _Description, str(file))


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


def _walk(root: Path) -> Iterable[str]:
    """Paths of all files below the root, sorted; hidden files and folders are left out."""

    def fail(error: OSError) -> None:
        raise DataError(
            f"cannot list {error.filename}: {error.strerror}; check its permissions"
        ) from error

    found = []
    for folder, inner, files in os.walk(root, onerror=fail, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        found += [(below / name).as_posix() for name in files if not name.startswith(".")]
    return sorted(found)


def _hash(path: str) -> str:
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()
