"""Is a dataset whole? What lies on the disk against what was published.

`read` and `count` are where the reader of a dataset is asked; all else here knows no layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..system.reporting import Reporter
from .catalog import Entry, Official
from .entries import GOOD, names_in
from .images.inspection import Skipped
from .manifest import Manifest, build_manifest
from .opening.places import from_environment
from .opening.registry import load_reader
from .scan import scan

NOTHING = Official(0, 0, 0, 0)


def read(name: str, reader: str, folder: Path, reporter: Reporter) -> Manifest:
    """Every image of a dataset, decoded now: nothing that was remembered of it is believed."""
    return build_manifest(
        name,
        folder,
        reader=load_reader(reader),
        skip_unreadable=True,
        cache=None,
        reporter=reporter,
    )


def count(reader: str, folder: Path) -> dict[str, Official]:
    """What the folders list, without opening an image."""
    entries = scan(folder, None, load_reader(reader), reader)
    return _counts(
        (entry.category, entry.split, entry.defect, entry.mask_path is not None)
        for entry in entries
    )


def default_root() -> Path:
    """The folder of the datasets where none is named: CADBENCH_DATA, or ./data."""
    return from_environment() or Path("data")


def find_entry(entry: Entry, places: Iterable[Path]) -> Path | None:
    """Where the dataset lies: in one of the places, or in a folder there of a usual name.

    The place itself counts where most of its folders are categories of the dataset.
    """
    reader = load_reader(entry.reader)
    official = set(entry.categories)
    for place in places:
        there = set(reader.categories_in(place))
        if len(there & official) * 2 > len(there):
            return place
        for usual in entry.folders:
            for name in names_in(place, folders=True):
                if name.lower() == usual.lower() and official & set(
                    reader.categories_in(place / name)
                ):
                    return place / name
    return None


@dataclass(frozen=True)
class Row:
    """A category: what is there, and what was published (None: not known)."""

    category: str
    found: Official
    official: Official | None

    @property
    def difference(self) -> str:
        """`train -3, masks +1`, `missing`, `not published`, or nothing."""
        if self.official is None or self.found == self.official:
            return ""
        if self.found == NOTHING:
            return "missing"
        if self.official == NOTHING:
            return "not published"
        return ", ".join(_parts(self.found, self.official))


@dataclass(frozen=True)
class Verified:
    """A dataset that was read. official: whether there is something to compare it with."""

    title: str
    folder: Path
    rows: tuple[Row, ...]
    unreadable: tuple[Skipped, ...]
    official: bool

    @property
    def differing(self) -> tuple[Row, ...]:
        """The categories that are not as published."""
        return tuple(row for row in self.rows if row.difference)

    @property
    def whole(self) -> bool:
        return not self.differing and not self.unreadable


def verify(entry: Entry, folder: Path, reporter: Reporter) -> Verified:
    """Read every image of a dataset of the catalog and compare it with what was published."""
    manifest = read(entry.title, entry.reader, folder, reporter)
    return _verified(entry.title, folder, manifest, entry.counts)


def verify_folder(folder: Path, reporter: Reporter) -> Verified:
    """Read every image of a folder in the MVTec layout; there is nothing to compare it with."""
    manifest = read(folder.name, "folder", folder, reporter)
    return _verified(str(folder), folder, manifest, {})


def compare(found: Mapping[str, Official], official: Mapping[str, Official]) -> tuple[Row, ...]:
    """A row a category, those on one side only included."""
    return tuple(
        Row(
            category,
            found.get(category, NOTHING),
            official.get(category, NOTHING) if official else None,
        )
        for category in sorted(found.keys() | official.keys())
    )


def _verified(
    title: str, folder: Path, manifest: Manifest, official: Mapping[str, Official]
) -> Verified:
    found = _counts(
        (item.category, item.split, item.defect, item.mask is not None) for item in manifest.items
    )
    return Verified(title, folder, compare(found, official), manifest.skipped, bool(official))


def _counts(images: Iterable[tuple[str, str, str, bool]]) -> dict[str, Official]:
    """images: category, split, defect, whether there is a mask."""
    found: dict[str, list[int]] = {}
    for category, split, defect, masked in images:
        sums = found.setdefault(category, [0, 0, 0, 0])
        sums[0 if split == "train" else 1 if defect == GOOD else 2] += 1
        sums[3] += masked
    return {
        category: Official(train, good, defective, masks)
        for category, (train, good, defective, masks) in found.items()
    }


def _parts(found: Official, official: Official) -> Iterator[str]:
    names = ("train", "test good", "test defective", "masks")
    for name, have, published in zip(
        names, (*found.images, found.masks), (*official.images, official.masks), strict=True
    ):
        if have != published:
            yield f"{name} {have - published:+d}"
