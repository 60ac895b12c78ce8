"""Images that no dataset lists: files and folders become a manifest with one category."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...results.errors import DataError, UsageError
from ..data.entries import GOOD, Entry
from ..data.folders import is_image, walk
from ..data.images.image_facts import ImageFacts
from ..data.images.inspection import inspect_images
from ..data.images.sensor_bits import sensor_bits
from ..data.item import Item
from ..data.manifest import Manifest
from ..system.reporting import Reporter


def list_images(images: Iterable[str | Path]) -> list[Path]:
    """Return the files, and the images in the folders and below them, each once.

    Raises:
        UsageError: a path does not exist, or there is no image.
    """
    found: dict[Path, Path] = {}
    for given in map(Path, images):
        if given.is_dir():
            files = [given / name for name in sorted(walk(given)) if is_image(name)]
            if not files:
                raise UsageError(f"{given}: there is no image in this folder")
        elif given.is_file():
            files = [given]
        else:
            raise UsageError(f"{given}: there is no such file or folder")
        for file in files:
            found.setdefault(file.absolute(), file)
    if not found:
        raise UsageError("give images to score: files or folders")
    return list(found.values())


def images_manifest(files: Sequence[Path], category: str, reporter: Reporter) -> Manifest:
    """Make a manifest of the files as test images of one category.

    The items are in the order of the files. 16-bit samples of fewer bits are scaled by the highest
    sample of all files, as in a dataset.

    Args:
        files: the images.
        category: their category.
        reporter: receives the progress.

    Raises:
        DataError: a file cannot be read as an image.
    """
    root = Path(os.path.commonpath([file.absolute().parent for file in files]))
    paths = [file.absolute().relative_to(root).as_posix() for file in files]
    facts = _facts(root, paths, {}, reporter)
    entries = [Entry(category, "test", GOOD, path) for path in paths]
    bits = sensor_bits(entries, facts)
    if deep := [path for path in bits if facts[path].bits != bits[path]]:
        facts |= _facts(root, deep, bits, reporter)
    items = (_item(category, path, facts[path]) for path in paths)
    return Manifest("images", root, tuple(items))


def _facts(
    root: Path, paths: Sequence[str], bits: dict[str, int], reporter: Reporter
) -> dict[str, ImageFacts]:
    facts, unreadable = inspect_images(
        root,
        dict.fromkeys(paths, False),
        bits=bits,
        skip_unreadable=True,
        cache=None,
        workers=None,
        reporter=reporter,
    )
    for file in unreadable:
        raise DataError(f"cannot read {root / file.path}: {file.reason}; give the other files only")
    return facts


def _item(category: str, path: str, facts: ImageFacts) -> Item:
    return Item(
        category,
        "test",
        GOOD,
        path,
        None,
        facts.width,
        facts.height,
        facts.content,
        None,
        bits=facts.bits,
        oddities=facts.oddities,
    )
