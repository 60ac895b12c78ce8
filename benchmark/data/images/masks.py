"""Masks: which pixels of a file are defective, and what is odd about it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....results.errors import DataError
from ..item import Oddity
from ..roots import Root
from .decoding import content_hash, count_levels, load_stored, turned

MAX_LABEL = 15
"""Files whose values are not larger, and files of few colors, hold numbers of labels."""


class Mask(NamedTuple):
    """A decoded mask: pixels (H, W) bool, True where defective, and what is odd about its file."""

    pixels: np.ndarray
    oddities: tuple[Oddity, ...]


def decode_mask(path: str | os.PathLike[str]) -> Mask:
    """Decode a mask file.

    In a file of two values, the higher one marks a defect. In a file of labels (values up to
    `MAX_LABEL`, or a few colors), every value above the lowest does. Other files hold shades, as
    after JPEG compression or resizing: values from the middle of their range mark a defect. If all
    colors are equal, the alpha channel or the palette's positions are used, whichever varies.

    Args:
        path: the file.

    Raises:
        UnreadableImage: the file cannot be decoded.
    """
    stored = load_stored(path, layers=True)
    samples, oddities = stored.samples, []
    if stored.pages > 1:
        oddities.append(Oddity("mask pages", stored.pages))
    if stored.orientation != 1:
        oddities.append(Oddity("mask turned", stored.orientation))
    if _is_constant(samples):
        for kind, layer in (("mask in alpha", stored.alpha), ("mask in palette", stored.indices)):
            if layer is not None and not _is_constant(layer):
                samples = layer
                oddities.append(Oddity(kind))
                break
    values = samples if samples.ndim == 2 else samples.max(axis=2)
    if _is_constant(values) and not _is_constant(samples):
        values = _unlike_background(samples)
        oddities.append(Oddity("mask labels", 2))
    low, high = int(values.min()), int(values.max())
    levels = count_levels(values)
    if levels == 1 or (low > 0 and high > MAX_LABEL >= high - low):
        pixels = values > 0  # one shade
    elif levels == 2:
        pixels = values > low
    elif high <= MAX_LABEL or (samples.ndim == 3 and _are_color_labels(samples)):
        pixels = values > low
        oddities.append(Oddity("mask labels", levels))
    else:
        pixels = 2 * values.astype(np.int32) >= low + high
        oddities.append(Oddity("mask shades", levels))
    covered = float(pixels.mean())
    if covered > 0.5:
        oddities.append(Oddity("mask covers", covered))
    return Mask(pixels, tuple(oddities))


def mask_hash(contents: Sequence[str], orientation: int = 1) -> str:
    """The hash of a mask.

    Args:
        contents: content hashes of its files. That of a single file is the hash itself, several are
            hashed once more, sorted.
        orientation: EXIF orientation by which the mask is turned; part of the hash if it is not 1.
    """
    combined = contents[0]
    if len(contents) > 1:
        combined = hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()
    if orientation == 1:
        return combined
    return hashlib.sha256(f"{combined} turned {orientation}".encode()).hexdigest()


def read_mask_files(
    root: Root, paths: Sequence[str], expected: str | None, orientation: int = 1
) -> np.ndarray:
    """Read a mask and check that it is still the one that the manifest was built from.

    Args:
        root: the manifest's root.
        paths: the mask's files below `root`, at least one.
        expected: its hash in the manifest.
        orientation: EXIF orientation by which the mask is turned.

    Returns:
        (H, W) bool, True where a pixel is defective in any of the files.

    Raises:
        DataError: a file cannot be read, or has changed.
    """
    masks = [decode_mask(root / path).pixels for path in paths]
    if mask_hash([content_hash(mask) for mask in masks], orientation) != expected:
        raise DataError(
            f"{paths[0]} changed during the run: it is no longer the mask that the manifest was "
            "built from; leave the dataset alone and run the same command again"
        )
    union: np.ndarray = np.logical_or.reduce(masks)
    return turned(union, orientation)


def _is_constant(samples: np.ndarray) -> bool:
    return bool((samples == samples[:1, :1]).all())


def _unlike_background(samples: np.ndarray) -> np.ndarray:
    """(H, W) uint8, 1 where the color is not the most frequent one: red marks on white."""
    colors, counts = np.unique(samples.reshape(-1, 3), axis=0, return_counts=True)
    return (samples != colors[counts.argmax()]).any(axis=2).astype(np.uint8)


def _are_color_labels(samples: np.ndarray) -> bool:
    """Whether an image has only a few colors, of which some are not gray."""
    if (samples == samples[:, :, :1]).all():
        return False
    red, green, blue = (samples[:, :, channel].astype(np.int64) for channel in range(3))
    return len(np.unique((red << 32) | (green << 16) | blue)) <= MAX_LABEL + 1
