"""Check a dataset on disk: every image can be read, and the counts are the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..system.reporting import Reporter
from .catalog import CatalogEntry, Official
from .entries import GOOD
from .folders import names_in
from .images.inspection import SkippedFile
from .manifest import Manifest, build_manifest
from .opening.locations import root_from_environment
from .opening.registry import load_reader
from .reader import Reader
from .scan import scan

NO_IMAGES = Official(0, 0, 0, 0)


@dataclass(frozen=True)
class CategoryComparison:
    """The counts of a category on disk and as published (None: not known)."""

    category: str
    found: Official
    official: Official | None

    @property
    def difference(self) -> str:
        """`train -3, masks +1`, `missing`, `not published`, or an empty string."""
        if self.official is None or self.found == self.official:
            return ""
        if self.found == NO_IMAGES:
            return "missing"
        if self.official == NO_IMAGES:
            return "not published"
        return ", ".join(_count_differences(self.found, self.official))


@dataclass(frozen=True)
class Verification:
    """Result of reading a dataset.

    Attributes:
        title: the dataset's title.
        folder: its root.
        rows: one per category.
        unreadable: files that cannot be read.
        official: whether published counts are known.
        manifest: the images that were read, with notes on what is odd about them.
    """

    title: str
    folder: Path
    rows: tuple[CategoryComparison, ...]
    unreadable: tuple[SkippedFile, ...]
    official: bool
    manifest: Manifest

    @property
    def differing(self) -> tuple[CategoryComparison, ...]:
        """The categories whose counts are not the published ones."""
        return tuple(row for row in self.rows if row.difference)

    @property
    def passed(self) -> bool:
        """Every file is readable, and no count differs."""
        return not self.differing and not self.unreadable


def verify(entry: CatalogEntry, folder: Path, reporter: Reporter) -> Verification:
    """Read every image of a dataset of the catalog and compare the counts.

    Args:
        entry: the dataset in the catalog.
        folder: its root.
        reporter: receives the progress.
    """
    manifest = _read_all_images(entry.title, load_reader(entry.reader), folder, reporter)
    return _verification(entry.title, folder, manifest, entry.counts)


def verify_folder(folder: Path, reporter: Reporter) -> Verification:
    """Read every image of a folder of your own, for which no counts are published.

    Args:
        folder: a folder in the MVTec layout, or with a description file, or this file.
        reporter: receives the progress.
    """
    layout, root = load_reader("folder").resolve(folder)
    manifest = _read_all_images(layout.own_name(root) or root.name, layout, root, reporter)
    return _verification(str(folder), root, manifest, {})


def count_listed_images(reader: str, folder: Path) -> dict[str, Official]:
    """Counts by category from the listings alone, without opening an image.

    Args:
        reader: name of the dataset's reader.
        folder: the dataset's root.
    """
    entries = scan(folder, None, load_reader(reader), reader)
    return _counts(
        (entry.category, entry.split, entry.defect, entry.mask_path is not None)
        for entry in entries
    )


def compare(
    found: Mapping[str, Official], official: Mapping[str, Official]
) -> tuple[CategoryComparison, ...]:
    """Compare counts by category, including categories that only one of the two has.

    Args:
        found: counts on disk.
        official: published counts; empty if they are not known.
    """
    return tuple(
        CategoryComparison(
            category,
            found.get(category, NO_IMAGES),
            official.get(category, NO_IMAGES) if official else None,
        )
        for category in sorted(found.keys() | official.keys())
    )


def default_root() -> Path:
    """The folder of the datasets if the user gives none: CADBENCH_DATA, or ./data."""
    return root_from_environment() or Path("data")


def find_folder(entry: CatalogEntry, places: Iterable[Path]) -> Path | None:
    """The folder of a dataset: one of the places, or a child of one with a usual name.

    A place itself counts if more than half of its categories are categories of the dataset.
    """
    reader = load_reader(entry.reader)
    official = set(entry.categories)
    for place in places:
        present = set(reader.categories_in(place))
        if len(present & official) * 2 > len(present):
            return place
        for usual in entry.folders:
            for name in names_in(place, folders=True):
                if name.lower() == usual.lower() and official & set(
                    reader.categories_in(place / name)
                ):
                    return place / name
    return None


def _read_all_images(name: str, reader: Reader, folder: Path, reporter: Reporter) -> Manifest:
    """Build the manifest without the cache, so that every file is decoded now."""
    return build_manifest(
        name,
        folder,
        reader=reader,
        skip_unreadable=True,
        cache=None,
        reporter=reporter,
    )


def _verification(
    title: str, folder: Path, manifest: Manifest, official: Mapping[str, Official]
) -> Verification:
    found = _counts(
        (item.category, item.split, item.defect, item.mask is not None) for item in manifest.items
    )
    rows = compare(found, official)
    return Verification(title, folder, rows, manifest.skipped, bool(official), manifest)


def _counts(images: Iterable[tuple[str, str, str, bool]]) -> dict[str, Official]:
    """Counts by category; `images` are (category, split, defect, whether there is a mask)."""
    found: dict[str, list[int]] = {}
    for category, split, defect, has_mask in images:
        sums = found.setdefault(category, [0, 0, 0, 0])
        sums[0 if split == "train" else 1 if defect == GOOD else 2] += 1
        sums[3] += has_mask
    return {
        category: Official(train, good, defective, masks)
        for category, (train, good, defective, masks) in found.items()
    }


def _count_differences(found: Official, official: Official) -> Iterator[str]:
    names = ("train", "test good", "test defective", "masks")
    for name, count, published in zip(
        names, (*found.images, found.masks), (*official.images, official.masks), strict=True
    ):
        if count != published:
            yield f"{name} {count - published:+d}"
