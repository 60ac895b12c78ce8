"""Decode image files (8 or 16 bits per sample), the same on every machine.

Imports only Pillow and NumPy, so that worker processes start quickly.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from ....results.errors import DataError
from ..item import FULL_DEPTH

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
MAX_PIXELS = 8192 * 8192
"""Larger images are rejected before decoding; this many pixels take 200 MB."""

_ORIENTATION = 0x0112  # the EXIF tag
_PAGED = ("TIFF", "GIF", "WEBP", "PNG")
"""Formats whose further pages would be images of their own."""


class UnreadableImage(DataError):
    """A file that is not an image, or is damaged. `reason` is the message without the path."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        # Both in `args`, so that the error can be pickled in a worker process.
        super().__init__(path, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read {self.args[0]}: {self.reason}"


@dataclass(frozen=True, eq=False)
class StoredImage:
    """The content of an image file, turned upright as its EXIF orientation says.

    Attributes:
        samples: (H, W) for gray and (H, W, 3) for color, uint8 or uint16. Palettes are resolved.
        orientation: the EXIF orientation that was applied, 1 to 8; 1 for none.
        pages: number of pages; only the first is read.
        alpha: (H, W) uint8; None without transparency, and unless layers were requested.
        indices: (H, W) uint8, positions in the palette; None as for `alpha`.
    """

    samples: np.ndarray
    orientation: int = 1
    pages: int = 1
    alpha: np.ndarray | None = None
    indices: np.ndarray | None = None


def decode(path: str | os.PathLike[str], bits: int = FULL_DEPTH) -> np.ndarray:
    """Decode an image to 8 bits per sample.

    Gray values are repeated in three channels, and palettes are resolved. Alpha is dropped. The
    EXIF orientation is applied. Only the first page is read.

    Args:
        path: the file.
        bits: of the samples of a 16-bit file, the number of bits that hold values; see `as_8_bit`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        UnreadableImage: the file cannot be decoded.
    """
    return as_8_bit(load_stored(path).samples, bits)


def as_8_bit(samples: np.ndarray, bits: int = FULL_DEPTH) -> np.ndarray:
    """Scale samples to 8 bits and repeat gray values in three channels.

    Samples of all 16 bits are divided by 257 and rounded (gray), or reduced to their high byte
    (color). Those of a sensor of fewer bits are scaled from 0..2^bits - 1, and rounded.

    Args:
        samples: (H, W) or (H, W, 3), uint8 or uint16.
        bits: number of bits that hold values, if the samples are uint16.

    Returns:
        (H, W, 3) uint8.
    """
    if samples.dtype != np.uint8:
        values: np.ndarray = samples.astype(np.uint32)
        if bits < FULL_DEPTH:
            top = 2**bits - 1
            values = (np.minimum(values, top) * 255 + top // 2) // top
        else:
            values = (values + 128) // 257 if samples.ndim == 2 else values >> 8
        samples = values.astype(np.uint8)
    return samples if samples.ndim == 3 else np.repeat(samples[:, :, None], 3, axis=2)


def count_levels(samples: np.ndarray) -> int:
    """Number of distinct values of an array of uint8 or uint16."""
    seen = np.zeros(2**16, bool)
    for row in samples:  # indexing with all samples at once would take eight times their memory
        seen[row] = True
    return int(np.count_nonzero(seen))


def content_hash(pixels: np.ndarray) -> str:
    """SHA-256 (hex) of type, shape and values, so equal pixels in different files agree."""
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn or mirror pixels (H, W, ...) as an EXIF orientation says; 1 changes nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def load_stored(path: str | os.PathLike[str], *, layers: bool = False) -> StoredImage:
    """Read an image file without scaling its samples.

    Args:
        path: the file.
        layers: also return transparency and palette positions.

    Raises:
        UnreadableImage: the file cannot be decoded.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns about size and metadata; sizes are checked below.
            warnings.simplefilter("ignore")
            with _opened(path) as image:
                return _stored(image, path, layers)
    except (UnreadableImage, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableImage(path, _too_large("far too many pixels")) from None
    except UnidentifiedImageError:
        raise UnreadableImage(path, f"not an image in one of {', '.join(FORMATS)}") from None
    except Exception as error:  # for a damaged file, Pillow may raise almost any exception
        if isinstance(error, OSError) and error.strerror:
            raise UnreadableImage(path, error.strerror) from error
        details = str(error).splitlines() or [type(error).__name__]
        raise UnreadableImage(path, f"damaged image ({details[0]})") from error


def _opened(path: str | os.PathLike[str]) -> Image.Image:
    image = Image.open(path, formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        image.close()
        raise UnreadableImage(path, _too_large(f"{width} x {height} pixels"))
    return image


def _too_large(size: str) -> str:
    return f"{size}, more than the limit of {MAX_PIXELS}; scale it down"


def _stored(image: Image.Image, path: str | os.PathLike[str], layers: bool) -> StoredImage:
    # Loading empties `image.tile`, turns TIFF files, and reads metadata at the end of PNG files.
    deep_color = image.mode in ("RGB", "RGBA") and any(";16" in s for s in _raw_modes(image))
    stated = _orientation(image) if image.format == "TIFF" else 1
    samples = _samples(image)
    pending = _orientation(image)
    pages = int(getattr(image, "n_frames", 1)) if image.format in _PAGED else 1
    alpha = indices = None
    if layers:
        if image.has_transparency_data:
            alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if image.mode == "P":
            indices = np.asarray(image)
    if deep_color:
        samples = _with_low_bytes(samples, path)
    planes = (None if plane is None else turned(plane, pending) for plane in (alpha, indices))
    return StoredImage(turned(samples, pending), max(stated, pending), pages, *planes)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata do not make the pixels unreadable
        return 1
    return value if value in range(1, 9) else 1


def _samples(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError("32-bit pixels; convert it to 8 or 16 bits")
        return values.astype(np.uint16)
    if image.mode == "F":
        raise ValueError("floating-point pixels; convert it to 8 or 16 bits")
    gray = image.mode in ("1", "L", "LA", "La")
    return np.array(image.convert("L" if gray else "RGB"))


def _raw_modes(image: Image.Image) -> list[str]:
    """How the decoder unpacks samples, such as `RGB;16B` for big-endian color of 16 bits."""
    return [text for tile in getattr(image, "tile", ()) for text in _texts(tile[3])]


def _texts(args: Any) -> list[str]:
    return [text for text in (args if isinstance(args, tuple) else (args,)) if type(text) is str]


def _with_low_bytes(high: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    """16-bit color samples. Pillow unpacks their high bytes; in the other byte order, the low ones.

    Args:
        high: (H, W, 3) uint8, the high bytes.
        path: the file.

    Returns:
        (H, W, 3) uint16.
    """
    with _opened(path) as image:
        image.tile = [  # type: ignore[attr-defined]
            type(tile)(*tile[:3], _other_byte_order(tile[3]))
            if hasattr(tile, "_fields")
            else (*tile[:3], _other_byte_order(tile[3]))
            for tile in image.tile  # type: ignore[attr-defined]
        ]
        try:
            low = np.array(image.convert("RGB"))
        except ValueError:  # Pillow cannot unpack this mode in the other byte order
            low = np.zeros_like(high)
    return (high.astype(np.uint16) << 8) | low


def _other_byte_order(args: Any) -> Any:
    if isinstance(args, tuple):
        return tuple(map(_other_byte_order, args))
    if not (isinstance(args, str) and ";16" in args):
        return args
    order = {"N": "L" if sys.byteorder == "little" else "B"}.get(args[-1], args[-1])
    return args[:-1] + {"L": "B", "B": "L"}.get(order, order)
