"""The manifest: every image of a dataset by content hash, and one hash of the whole dataset."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from ...results.did_you_mean import suggestion
from ...results.errors import DataError, UsageError
from ..system.reporting import Reporter, Silent
from .entries import Entry
from .images.image_facts import ImageFacts
from .images.inspection import SkippedFile, inspect_images
from .images.item_masks import ItemMask, item_masks
from .images.sensor_bits import sensor_bits
from .item import Item
from .notes.left_out import LeftOut
from .notes.manifest_notes import manifest_notes, note_lines
from .notes.note import Note
from .reader import Reader
from .reader_errors import attribute_errors_to_reader
from .readers.folder import Folder
from .roots import Root
from .scan import scan


@dataclass(frozen=True)
class Manifest:
    """A dataset.

    Attributes:
        name: the dataset's name.
        root: `root / item.path` is the file of an item.
        items: the images.
        skipped: unreadable files that `--skip-unreadable` left out.
        left_out: other files that were not read.
    """

    name: str
    root: Root
    items: tuple[Item, ...]
    skipped: tuple[SkippedFile, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the sorted identities of the items; independent of names, root and order."""
        digest = hashlib.sha256()
        for identity in sorted(item.identity for item in self.items):
            digest.update(json.dumps(identity).encode() + b"\n")
        return digest.hexdigest()

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories, sorted."""
        return tuple(sorted({item.category for item in self.items}))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of R, sorted: the categories, and each category under each domain."""
        return tuple(sorted(self.category_of))

    @cached_property
    def category_of(self) -> dict[str, str]:
        """The category of each column of R."""
        return {item.column: item.category for item in self.items}

    def train(self, column: str) -> tuple[Item, ...]:
        """The training images of a column, sorted by content, so that file names do not matter.

        Args:
            column: a category, or a category under a domain: `screw@dark:2`.
        """
        return self._parts.get((column, "train"), ())

    def test(self, column: str) -> tuple[Item, ...]:
        """The test images of a column, sorted as in `train`."""
        return self._parts.get((column, "test"), ())

    def subset(self, categories: Iterable[str]) -> Manifest:
        """The same dataset with some of its categories; `UsageError` for an unknown one."""
        chosen = set(categories)
        for name in sorted(chosen - set(self.categories)):
            raise UsageError(
                f"unknown category {name!r}{suggestion(name, self.categories)}; there are: "
                f"{', '.join(self.categories)}"
            )
        return replace(
            self,
            items=tuple(i for i in self.items if i.category in chosen),
            skipped=tuple(s for s in self.skipped if s.category in chosen),
            left_out=tuple(f for f in self.left_out if f.category in chosen or not f.category),
        )

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Oddities that do not stop a run but change what its metrics mean."""
        return manifest_notes(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes as lines for the user."""
        return note_lines(self.notes)

    @cached_property
    def _parts(self) -> dict[tuple[str, str], tuple[Item, ...]]:
        parts = collections.defaultdict(list)
        for item in self.items:
            parts[item.column, item.split].append(item)
        return {
            part: tuple(sorted(items, key=lambda item: (item.content, item.identity)))
            for part, items in parts.items()
        }


def build_manifest(
    name: str,
    root: Path,
    categories: Iterable[str] | None = None,
    *,
    reader: Reader | None = None,
    skip_unreadable: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    reporter: Reporter | None = None,
) -> Manifest:
    """Build the manifest of a folder. Every file is decoded once.

    Args:
        name: the dataset's name.
        root: its folder.
        categories: the categories to include, None for all.
        reader: reader of the dataset's layout; None for the MVTec AD layout.
        skip_unreadable: leave out unreadable images, and keep an image with an unreadable mask
            without its mask. Otherwise an unreadable file is an error.
        cache: folder that stores sizes and hashes until a file's size or time changes; None to
            decode every file.
        workers: number of processes; None for one per core, 0 to decode in this process.
        reporter: receives the progress; None to show nothing.

    Raises:
        DataError: the data do not fit the layout, a file is unreadable, or a mask and its image
            have different sizes.
        UsageError: a category is not there.
    """
    root = root.absolute()  # worker processes may have another working directory
    reader = reader or Folder()
    entries = scan(root, categories, reader, name)
    files = {entry.path: False for entry in entries}
    files |= {mask: True for entry in entries for mask in entry.mask_paths}
    inspect = partial(
        inspect_images,
        root,
        skip_unreadable=skip_unreadable,
        cache=cache,
        workers=workers,
        reporter=reporter or Silent(),
    )
    facts = dict(reader.known_facts(entries))
    inspected, skipped = inspect({path: files[path] for path in files if path not in facts})
    facts |= inspected
    bits = sensor_bits(entries, facts)
    if deep := {path: False for path in bits if facts[path].bits != bits[path]}:
        facts |= inspect(deep, bits=bits)[0]
    masks = item_masks(entries, facts, root, labeled=reader.labeled_masks)
    items = tuple(_item(e, facts[e.path], masks[e.path]) for e in entries if e.path in facts)
    _check_no_split_is_empty(entries, items)
    category_of = {p: e.category for e in entries for p in (e.path, *e.mask_paths)}
    with attribute_errors_to_reader(name, reader, "left_out"):
        left_out = reader.left_out(root, sorted({e.category for e in entries}), entries)
    return Manifest(
        name,
        reader.lazy_root(root),
        items,
        tuple(
            replace(file, category=category_of[file.path])
            for file in sorted(skipped, key=lambda file: file.path)
        ),
        tuple(left_out),
    )


def _item(entry: Entry, image: ImageFacts, mask: ItemMask) -> Item:
    return Item(
        entry.category,
        entry.split,
        entry.defect,
        entry.path,
        entry.mask_path if mask.content else None,
        image.width,
        image.height,
        image.content,
        mask.content,
        entry.more_masks if mask.content else (),
        image.is_deep,
        image.bits,
        mask.orientation,
        (*image.oddities, *mask.oddities),
    )


def _check_no_split_is_empty(entries: Iterable[Entry], items: Iterable[Item]) -> None:
    remaining = {(item.category, item.split) for item in items}
    for entry in entries:
        if (entry.category, entry.split) not in remaining:
            kind = "training" if entry.split == "train" else "test"
            raise DataError(
                f"category {entry.category} has no {kind} images left: none of its files could be "
                "read; replace them, or leave the category out with --categories"
            )
