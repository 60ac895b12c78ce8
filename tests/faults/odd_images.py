"""Files that are, or pretend to be, pictures."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from PIL import Image, PngImagePlugin

HEIGHT, WIDTH = 6, 8
"""As in tests/benchmark/data/readers/miniatures.py, so that a mask's size may be right."""


@cache
def _saved(mode: str, kind: str, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    image = Image.effect_noise((width, height), 60).convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@cache
def _sixteen(kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 1000
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def _png(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), *chunks, _chunk(b"IDAT", zlib.compress(b"\0" * 64)),
         _chunk(b"IEND", b""))
    )  # fmt: skip


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _animated() -> bytes:
    frames = [Image.new("P", (WIDTH, HEIGHT), color) for color in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _pages() -> bytes:
    frames = [Image.new("L", (WIDTH, HEIGHT + n), 9 * n) for n in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _text_bomb() -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", "x" * 80_000_000, zip=True)
    file = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(file, "PNG", pnginfo=notes)
    return file.getvalue()


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


PICTURES: Mapping[str, Callable[[], bytes]] = {
    "text": lambda: b"this is no picture\n",
    "nothing": lambda: b"",
    "zeros": lambda: b"\0" * 4096,
    "cut PNG": lambda: _saved("RGB", "PNG")[:-30],
    "PNG header alone": lambda: _saved("RGB", "PNG")[:33],
    "cut JPEG": lambda: _saved("RGB", "JPEG")[:-40],
    "cut BMP": lambda: _saved("RGB", "BMP")[:-20],
    "cut TIFF": lambda: _saved("RGB", "TIFF")[:-20],
    "flipped PNG": lambda: _flipped(_saved("RGB", "PNG"), 50),
    "flipped TIFF": lambda: _flipped(_saved("RGB", "TIFF"), 12),
    "flipped BMP": lambda: _flipped(_saved("RGB", "BMP"), 20),
    "1 x 1": lambda: _saved("RGB", "PNG", 1, 1),
    "1 x 500": lambda: _saved("RGB", "PNG", 1, 500),
    "another size": lambda: _saved("RGB", "PNG", 40, 30),
    "60000 x 60000 in the header": lambda: _png(60000, 60000),
    "2 x 2147483647 in the header": lambda: _png(2, 2**31 - 1),
    "0 x 0 in the header": lambda: _png(0, 0),
    "depth 3": lambda: _png(8, 6, depth=3),
    "16 bits": lambda: _sixteen("PNG"),
    "16 bits TIFF": lambda: _sixteen("TIFF"),
    "32 bits TIFF": lambda: _saved("I", "TIFF"),
    "floats": lambda: _saved("F", "TIFF"),
    "palette": lambda: _saved("P", "PNG"),
    "one bit": lambda: _saved("1", "PNG"),
    "alpha": lambda: _saved("RGBA", "PNG"),
    "gray and alpha": lambda: _saved("LA", "PNG"),
    "CMYK": lambda: _saved("CMYK", "JPEG"),
    "YCbCr TIFF": lambda: _saved("YCbCr", "TIFF"),
    "LAB TIFF": lambda: _saved("LAB", "TIFF"),
    "GIF": _animated,
    "WebP": lambda: _saved("RGB", "WEBP"),
    "EPS": lambda: _saved("RGB", "EPS"),
    "pages": _pages,
    "text bomb": cache(_text_bomb),
    "all black": lambda: _black(),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


def _black() -> bytes:
    file = io.BytesIO()
    Image.new("L", (WIDTH, HEIGHT)).save(file, "PNG")
    return file.getvalue()
