"""The manifest: every image of a dataset by its content, and one hash that stands for them all."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ...results.did_you_mean import suggestion
from ...results.errors import DataError, UsageError
from ..system.reporting import Reporter, Silent
from .drift.domains import Domain
from .entries import GOOD, Entry, Split
from .images.decoding import content_hash
from .images.inspection import Facts, Skipped, inspect
from .images.masks import united_hash
from .reader import Reader
from .roots import Root
from .scan import scan

_APART = 3
"""Categories with the same oddity that get a line each; more share one."""
_NAMED = 15
"""Names in one line."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image. Paths are relative to the manifest's root, with forward slashes.

    content, mask: hashes of the decoded image and mask (`decoding.content_hash`); sizes in pixels.
    more_masks: files of the same mask after `mask_path`, united with it.
    domain: what is done to the image, whose file is that of `original` (see `data.drifted`).
    """

    category: str
    split: Split
    defect: str
    path: str
    mask_path: str | None
    width: int
    height: int
    content: str
    mask: str | None
    more_masks: tuple[str, ...] = ()
    domain: Domain | None = None
    original: Item | None = None

    @property
    def mask_paths(self) -> tuple[str, ...]:
        """All files of the mask; none where there is no mask."""
        return () if self.mask_path is None else (self.mask_path, *self.more_masks)

    @property
    def column(self) -> str:
        """The column of R that it belongs to: its category, and the domain if there is one."""
        return self.category if self.domain is None else column_of(self.category, self.domain)

    @property
    def label(self) -> int:
        """0 for a good image, 1 for a defective one."""
        return 0 if self.defect == GOOD else 1

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What the manifest hash sees: neither file names nor the place of the dataset."""
        return self.category, self.split, self.defect, self.content, self.mask or ""


@dataclass(frozen=True)
class Manifest:
    """A dataset: its images, and the files that `--skip-unreadable` left out.

    `root / path` is the file of an item, also where several datasets are joined into one.
    """

    name: str
    root: Root
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the sorted identities of the items; independent of names, root and order."""
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
        """The categories, and where they return under domains these too, sorted."""
        return tuple(sorted(self.category_of))

    @cached_property
    def category_of(self) -> dict[str, str]:
        """Column -> category: themselves, unless categories return under domains."""
        return {item.column: item.category for item in self.items}

    def train(self, column: str) -> tuple[Item, ...]:
        """The training images of a category, sorted by content, so that no name matters.

        column: a category, or one under a domain, `screw@dark:2`.
        """
        return self._parts.get((column, "train"), ())

    def test(self, column: str) -> tuple[Item, ...]:
        """The test images of a category, sorted by content, so that no name matters."""
        return self._parts.get((column, "test"), ())

    def subset(self, categories: Iterable[str]) -> Manifest:
        """The same dataset with these categories only."""
        chosen = set(categories)
        for name in sorted(chosen - set(self.categories)):
            raise UsageError(
                f"unknown category {name!r}{suggestion(name, self.categories)}; there are: "
                f"{', '.join(self.categories)}"
            )
        return replace(self, items=tuple(i for i in self.items if i.category in chosen))

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """One line for each oddity that does not stop a run but changes what its figures mean."""
        found = [
            (category, *oddity)
            for category in self.categories
            for oddity in _oddities(self.train(category), self.test(category))
        ]
        return (*_collapsed(found), *_unmasked(self))

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
    """The manifest of the images below `root`, or of the chosen categories.

    reader: of the dataset's layout; None is MVTec AD's.

    Every file is decoded once, in `workers` processes (None: one a core, 0: here); `cache`
    remembers sizes and hashes until a file's size or time changes. A mask of another size than its
    image is an error, and so is an unreadable file unless `skip_unreadable` leaves it out: an image
    goes altogether, an image whose mask is unreadable stays without one.
    """
    root = root.absolute()  # worker processes may have been started in another folder
    entries = scan(root, categories, reader, name)
    files = {entry.path: False for entry in entries}
    files |= {mask: True for entry in entries for mask in entry.mask_paths}
    facts, skipped = inspect(
        root,
        files,
        skip_unreadable=skip_unreadable,
        cache=cache,
        workers=workers,
        reporter=reporter or Silent(),
    )
    items = tuple(_item(entry, facts, root) for entry in entries if entry.path in facts)
    _refuse_emptied(entries, items)
    return Manifest(name, root, items, tuple(sorted(skipped, key=lambda s: s.path)))


def column_of(category: str, domain: Domain) -> str:
    """`screw@dark:2`: what the matrix calls a category under a domain."""
    return f"{category}@{domain.name}"


def verify_unchanged(item: Item, pixels: np.ndarray) -> None:
    """Refuse pixels (H, W, 3) uint8 that are not those the manifest was made from."""
    if content_hash(pixels) != (item.original or item).content:
        raise DataError(
            f"{item.path} changed during the run: it is not the image that the manifest was made "
            "from; leave the dataset alone and run the same command again"
        )


def _item(entry: Entry, facts: dict[str, Facts], root: Path) -> Item:
    width, height, content = facts[entry.path]
    masks = {path: facts[path] for path in entry.mask_paths if path in facts}
    for path, mask in masks.items():
        if (mask.width, mask.height) != (width, height):
            raise DataError(
                f"the mask {path} in {root} has {mask.width} x {mask.height} pixels, its image "
                f"{entry.path} {width} x {height}; make them equal, or remove the mask"
            )
    whole = bool(masks) and len(masks) == len(entry.mask_paths)
    return Item(
        entry.category,
        entry.split,
        entry.defect,
        entry.path,
        entry.mask_path if whole else None,
        width,
        height,
        content,
        united_hash([mask.content for mask in masks.values()]) if whole else None,
        entry.more_masks if whole else (),
    )


def _refuse_emptied(entries: Iterable[Entry], items: Iterable[Item]) -> None:
    left = {(item.category, item.split) for item in items}
    for entry in entries:
        if (entry.category, entry.split) not in left:
            kind = "training" if entry.split == "train" else "test"
            raise DataError(
                f"category {entry.category} has no {kind} images left: none of its files could be "
                "read; replace them, or leave the category out with --categories"
            )


def _oddities(train: tuple[Item, ...], test: tuple[Item, ...]) -> Iterator[tuple[int, str]]:
    """How many images, 0 for all of them, and what is odd about them."""
    labels: dict[str, set[int]] = collections.defaultdict(set)
    for item in test:
        labels[item.content].add(item.label)
    present = set().union(*labels.values())
    if len(present) == 1:
        kind = "defective" if present == {1} else "good"
        yield 0, f"all test images are {kind}, so its AUROC is undefined (NaN)"
    both = sum(len(given) == 2 for given in labels.values())
    if both:
        yield both, "test image(s) occur both as good and as defective"
    leaked = len(labels.keys() & {item.content for item in train})
    if leaked:
        yield leaked, "test image(s) are also training images"


def _collapsed(found: list[tuple[str, int, str]]) -> Iterator[str]:
    """A line for each oddity of a category, or for each kind of oddity that many of them have."""
    kinds: dict[str, list[tuple[str, int]]] = collections.defaultdict(list)
    for category, count, text in found:
        kinds[text].append((category, count))
    for category, count, text in found:
        if len(kinds[text]) <= _APART:
            yield f"{category}: {count} {text}" if count else f"{category}: {text}"
    for text, those in kinds.items():
        if len(those) > _APART:
            named = [f"{category} ({count})" if count else category for category, count in those]
            total = sum(count for _, count in those)
            said = f"{total} {text}" if total else text
            yield f"{len(those)} categories: {said}: {_first(named)}"


def _first(names: list[str]) -> str:
    """All of a few names, else the first ones and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _unmasked(manifest: Manifest) -> Iterator[str]:
    """One line for all categories whose pixel metrics are undefined for want of masks.

    A dataset without any masks is not made for them, and needs no warning.
    """
    lacking = []
    for category in manifest.categories:
        defective = [item for item in manifest.test(category) if item.label]
        without = sum(item.mask is None for item in defective)
        if without:
            lacking.append(f"{category} ({without} of {len(defective)})")
    if lacking and any(item.mask for item in manifest.items):
        yield (
            "pixel metrics are undefined (NaN) where defective test images have no mask: "
            + _first(lacking)
        )
