"""Find the notes of a manifest: oddities of its files, labels and masks that do not stop a run."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from ....results.counts import format_count
from ..images.inspection import SkippedFile
from ..item import Item
from .left_out import LeftOut
from .note import KINDS, Note, file_note, lines, shortened

_NO_MASK = "no mask"
_GOOD_WORDS = frozenset(
    {"good", "ok", "okay", "okey", "normal", "pass", "passed", "fine", "clean", "intact", "healthy"}
    | {"nominal", "negative", "neg", "undamaged", "flawless", "perfect", "gut", "io"}
)
_WITHOUT = frozenset({"no", "non", "without", "free", "zero"})
_DEFECT_WORDS = frozenset(
    {"defect", "defects", "defective", "anomaly", "anomalies", "anomalous", "fault", "faults"}
    | {"faulty", "error", "errors", "damage", "damages", "damaged"}
)
_FILLERS = frozenset(
    {"image", "images", "img", "part", "parts", "sample", "samples", "test", "set", "data", "new"}
    | {"class", "product", "products", "piece", "pieces", "n"}
)


class Dataset(Protocol):
    """The part of a manifest that is looked at."""

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def items(self) -> tuple[Item, ...]: ...

    @property
    def skipped(self) -> tuple[SkippedFile, ...]: ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]: ...

    def train(self, column: str) -> tuple[Item, ...]: ...

    def test(self, column: str) -> tuple[Item, ...]: ...


def manifest_notes(dataset: Dataset) -> tuple[Note, ...]:
    """The notes of every category: files left out, odd images and masks, labels, missing masks."""
    found: list[Note] = []
    skipped: dict[str, list[SkippedFile]] = collections.defaultdict(list)
    for file in dataset.skipped:
        skipped[file.category].append(file)
    found += [_unreadable(category, files) for category, files in skipped.items()]
    found += _left_out(dataset.left_out)
    for category in dataset.categories:
        train, test = dataset.train(category), dataset.test(category)
        found += _file_notes(category, train, test)
        found += _label_notes(category, train, test)
    return (*found, *_missing_masks(dataset))


def note_lines(notes: Sequence[Note]) -> tuple[str, ...]:
    """The notes as lines for the user; all missing masks share one line."""
    missing = [note for note in notes if note.kind == _NO_MASK]
    found = list(lines(note for note in notes if note.kind != _NO_MASK))
    if missing:
        names = [f"{note.category} ({note.count} of {note.of})" for note in missing]
        found.append(
            "pixel metrics are undefined (NaN) where defective test images have no mask: "
            + shortened(names)
        )
    return tuple(found)


def is_named_good(defect: str) -> bool:
    """Whether a kind of defect has a name that usually means good: `OK`, `no_defect`."""
    words = set(re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", defect).lower()))
    words = {w.removesuffix("s") if w.removesuffix("s") in _GOOD_WORDS else w for w in words}
    words -= _FILLERS
    if words & _WITHOUT:
        return bool(words & _DEFECT_WORDS) and words <= _WITHOUT | _DEFECT_WORDS | _GOOD_WORDS
    return bool(words) and words <= _GOOD_WORDS


def _unreadable(category: str, files: Sequence[SkippedFile]) -> Note:
    count = len(files)
    are = "is" if count == 1 else "are"
    text = (
        f"{format_count(count, 'file')} cannot be read and {are} left out, such as "
        f"{files[0].path}: {files[0].reason}"
    )
    return Note(category, "unreadable", count, 0, text)


def _left_out(files: Sequence[LeftOut]) -> Iterator[Note]:
    """One note per category and reason."""
    groups: dict[tuple[str, str], list[LeftOut]] = collections.defaultdict(list)
    for each in files:
        groups[each.category, each.reason].append(each)
    for (category, reason), group in groups.items():
        count = sum(each.count for each in group)
        where = group[0].folder
        if len(group) > 1:
            where += f" and {format_count(len(group) - 1, 'more folder')}"
        what = format_count(count, "file") if count else "images"
        said = (
            reason.replace("they are", "it is")
            .replace("they have", "it has")
            .replace("are not", "is not", 1)
        )
        text = f"{what} in {where} {said if count == 1 else reason}"
        yield Note(category, "left out", count, 0, text)


def _file_notes(category: str, train: Sequence[Item], test: Sequence[Item]) -> Iterator[Note]:
    figures: dict[str, list[float]] = collections.defaultdict(list)
    for item in (*train, *test):
        for oddity in item.oddities:
            figures[oddity.kind].append(oddity.value)
    totals = {
        "image": len(train) + len(test),
        "mask": sum(item.mask is not None or item.has_empty_mask for item in test),
    }
    for kind, entry in KINDS.items():
        if kind in figures:
            yield file_note(category, kind, figures[kind], totals[entry.noun])


def _label_notes(category: str, train: Sequence[Item], test: Sequence[Item]) -> Iterator[Note]:
    named: collections.Counter[str] = collections.Counter(
        item.defect for item in test if item.label and is_named_good(item.defect)
    )
    for defect, count in sorted(named.items()):
        defective = sum(item.label for item in test)
        text = (
            f"{count} of {format_count(defective, 'defective test image')} "
            f"{'has' if count == 1 else 'have'} the kind of defect {defect!r}, which sounds like "
            "good; move good images to the folder of the good ones"
        )
        yield Note(category, "good name", count, defective, text)
    labels: dict[str, set[int]] = collections.defaultdict(set)
    for item in test:
        labels[item.content].add(item.label)
    present = set().union(*labels.values())
    if len(present) == 1:
        kind = "defective" if present == {1} else "good"
        text = f"all test images are {kind}, so its AUROC is undefined (NaN)"
        yield Note(category, "one label", 0, 0, text)
    both = sum(len(given) == 2 for given in labels.values())
    if both:
        occur = "occurs" if both == 1 else "occur"
        text = f"{format_count(both, 'test image')} {occur} both as good and as defective"
        yield Note(category, "two labels", both, len(test), text)
    leaked = len(labels.keys() & {item.content for item in train})
    if leaked:
        are = "is also a training image" if leaked == 1 else "are also training images"
        yield Note(
            category, "leaked", leaked, len(test), f"{format_count(leaked, 'test image')} {are}"
        )


def _missing_masks(dataset: Dataset) -> Iterator[Note]:
    """Categories whose pixel metrics are undefined because a mask is missing or empty.

    A dataset without any mask file is not meant for pixel metrics, and gets no note.
    """
    if not any(item.mask or item.has_empty_mask for item in dataset.items):
        return
    for category in dataset.categories:
        defective = [item for item in dataset.test(category) if item.label]
        without = sum(item.mask is None for item in defective)
        if without:
            text = (
                f"pixel metrics are undefined (NaN): {without} of "
                f"{format_count(len(defective), 'defective test image')} "
                f"{'has' if without == 1 else 'have'} no mask"
            )
            yield Note(category, _NO_MASK, without, len(defective), text)
