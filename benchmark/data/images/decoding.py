"""Decode image files (PNG, JPEG, BMP, TIFF; 8 or 16 bits), the same on every machine.

Imports only Pillow and NumPy, so that worker processes start quickly.
"""

from __future__ import annotations

import hashlib
import os
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from ....results.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
MAX_PIXELS = 8192 * 8192
"""Larger images are rejected before decoding; this many pixels take 200 MB."""


class UnreadableImage(DataError):
    """A file that is not an image, or is damaged. `reason` is the message without the path."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        # Both in `args`, so that the error can be pickled in a worker process.
        super().__init__(path, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read {self.args[0]}: {self.reason}"


def decode(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode an image.

    Gray values are repeated in three channels, and palettes are resolved. 16-bit gray is divided by
    257 and rounded; of 16-bit color, Pillow keeps the high bytes. Alpha is dropped. The EXIF
    orientation is ignored, since masks refer to the pixels as stored. Only the first page is read.

    Returns:
        (H, W, 3) uint8.

    Raises:
        UnreadableImage: the file cannot be decoded.
    """
    pixels = _load(path)
    if pixels.dtype != np.uint8:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def decode_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode a mask as (H, W) bool: True where any channel except alpha is above 0."""
    pixels = _load(path)
    return pixels > 0 if pixels.ndim == 2 else np.any(pixels > 0, axis=2)


def content_hash(pixels: np.ndarray) -> str:
    """SHA-256 (hex) of type, shape and values, so equal pixels in different files agree."""
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _load(path: str | os.PathLike[str]) -> np.ndarray:
    """(H, W) uint8 or uint16 for gray, (H, W, 3) uint8 for color."""
    try:
        with warnings.catch_warnings():
            # Pillow warns about size and metadata; sizes are checked below, metadata is unused.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise UnreadableImage(path, _too_large(f"{width} x {height} pixels"))
                return _as_array(image)
    except (UnreadableImage, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UnreadableImage(path, _too_large("far too many pixels")) from None
    except UnidentifiedImageError:
        raise UnreadableImage(path, "not a PNG, JPEG, BMP or TIFF image") from None
    except Exception as error:  # for a damaged file, Pillow may raise almost any exception
        if isinstance(error, OSError) and error.strerror:
            raise UnreadableImage(path, error.strerror) from error
        details = str(error).splitlines() or [type(error).__name__]
        raise UnreadableImage(path, f"damaged image ({details[0]})") from error


def _too_large(size: str) -> str:
    return f"{size}, more than the limit of {MAX_PIXELS}; scale it down"


def _as_array(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError("32-bit pixels; convert it to 8 or 16 bits")
        return values.astype(np.uint16)
    if image.mode == "F":
        raise ValueError("floating-point pixels; convert it to 8 or 16 bits")
    gray = image.mode in ("1", "L", "LA", "La")
    return np.array(image.convert("L" if gray else "RGB"))
