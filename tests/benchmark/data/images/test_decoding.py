"""Decoding: every accepted kind of file, what it becomes, and what is refused in which words."""

from __future__ import annotations

import hashlib
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images import decoding
from cadbench.benchmark.data.images.decoding import (
    UnreadableImage,
    content_hash,
    decode,
    load_stored,
)
from cadbench.results.errors import DataError
from PIL import Image, ImageOps

from tests.benchmark.data.conftest import Draw, noise

RGB = noise(0)
GRAY = RGB[:, :, 0]


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.bmp", "a.tif", "a.tiff"])
def test_lossless_formats_give_the_stored_pixels(save: Draw, name: str) -> None:
    pixels = decode(save(name, RGB))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, RGB)


def test_a_jpeg_is_near_what_was_saved(save: Draw) -> None:
    smooth = np.tile(np.arange(64, dtype=np.uint8)[:, None, None] * 4, (1, 64, 3))
    pixels = decode(save("a.jpg", smooth, quality=95)).astype(int)
    assert np.abs(pixels - smooth).max() <= 4


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_gray_becomes_three_equal_channels(save: Draw, name: str) -> None:
    np.testing.assert_array_equal(decode(save(name, GRAY)), np.dstack([GRAY] * 3))


def test_a_black_and_white_image_becomes_0_and_255(save: Draw) -> None:
    pixels = decode(save("a.png", GRAY > 100))
    np.testing.assert_array_equal(pixels[:, :, 0], np.where(GRAY > 100, 255, 0))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_ignored_and_the_colors_under_it_stay(save: Draw, name: str) -> None:
    transparent = np.dstack([RGB, np.zeros_like(GRAY)])
    np.testing.assert_array_equal(decode(save(name, transparent)), RGB)


def test_gray_with_alpha_is_gray(save: Draw) -> None:
    path = save("a.png", np.dstack([GRAY, np.zeros_like(GRAY)]))
    np.testing.assert_array_equal(decode(path), np.dstack([GRAY] * 3))


def test_a_palette_image_has_its_palettes_colors(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), mode="P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(tmp_path / "a.png", transparency=0)
    expected = np.array([[[10, 20, 30], [200, 100, 50]], [[200, 100, 50], [10, 20, 30]]])
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_gray_is_divided_by_257_and_rounded(save: Draw, name: str) -> None:
    values = np.array([[0, 128, 129, 257], [32767, 32768, 65406, 65535]], np.uint16)
    expected = np.floor(values / 257 + 0.5).astype(np.uint8)
    pixels = decode(save(name, values))
    np.testing.assert_array_equal(pixels, np.dstack([expected] * 3))


def test_16_bit_values_in_a_32_bit_file_are_16_bit(save: Draw) -> None:
    assert decode(save("a.tif", np.array([[0, 65535]], np.int32)))[:, :, 0].tolist() == [[0, 255]]


@pytest.mark.parametrize("values", [np.array([[70000]], np.int32), np.array([[0.5]], np.float32)])
def test_pixels_without_a_known_range_are_refused(save: Draw, values: np.ndarray) -> None:
    with pytest.raises(DataError, match="convert it to 8 or 16 bits"):
        decode(save("a.tif", values))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_exif_orientation_is_applied(save: Draw, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"a.webp": {"lossless": True}}.get(name, {})
    path = save(name, RGB, exif=exif, **options)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(decode(path), expected)
    assert load_stored(path).orientation == orientation


def test_an_orientation_of_16_bit_samples_is_applied(save: Draw) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.array([[0, 257, 514], [771, 1028, 65535]], np.uint16)
    pixels = decode(save("a.png", values, exif=exif))
    np.testing.assert_array_equal(pixels[:, :, 0], np.rot90(np.array([[0, 1, 2], [3, 4, 255]]), -1))


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_samples_of_fewer_bits_use_all_8_bits(save: Draw, bits: int) -> None:
    top = 2**bits - 1
    values = np.array([[0, top // 2, top]], np.uint16)
    pixels = decode(save("a.png", values), bits)[0, :, 0]
    assert pixels.tolist() == [0, round(255 * (top // 2) / top), 255]


def _deep_color_png(samples: np.ndarray) -> bytes:
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return _png(_chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)))


def test_16_bit_color_keeps_the_low_bits_of_a_12_bit_sensor(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 4096, (5, 7, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(_deep_color_png(samples))
    np.testing.assert_array_equal(load_stored(tmp_path / "a.png").samples, samples)
    expected = np.floor(samples.astype(int) * 255 / 4095 + 0.5)
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 12), expected)
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), samples >> 8)


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.ppm", "a.jp2"])
def test_further_formats_are_read(save: Draw, name: str) -> None:
    options = {"a.webp": {"lossless": True}}.get(name, {})
    gray = np.dstack([GRAY] * 3)
    np.testing.assert_array_equal(decode(save(name, gray, **options)), gray)


def test_only_the_first_page_is_read_and_the_pages_are_counted(save: Draw, tmp_path: Path) -> None:
    first, second = Image.fromarray(RGB), Image.fromarray(255 - RGB)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    stored = load_stored(tmp_path / "a.tif")
    assert stored.pages == 2
    np.testing.assert_array_equal(stored.samples, RGB)


def test_the_hash_depends_on_pixels_and_shape_only(save: Draw) -> None:
    hashes = {
        content_hash(decode(save("a.png", RGB, compress_level=1))),
        content_hash(decode(save("b.png", RGB, compress_level=9))),
        content_hash(decode(save("c.bmp", RGB))),
        content_hash(np.asfortranarray(RGB)),
    }
    assert len(hashes) == 1
    changed = RGB.copy()
    changed[3, 4, 1] ^= 1
    assert content_hash(changed) not in hashes
    assert content_hash(RGB.reshape(10, 12, 3)) not in hashes


def test_the_hash_of_a_known_image_is_fixed() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    known = hashlib.sha256(b"|u1(2, 4, 3)" + bytes(range(24))).hexdigest()
    assert content_hash(pixels) == known


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif"])
def test_a_truncated_file_is_named_wherever_it_ends(save: Draw, name: str) -> None:
    path = save(name, noise(1, 40, 40))
    whole = path.read_bytes()
    for share in (0.0, 0.01, 0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableImage) as caught:
            decode(path)
        message = str(caught.value)
        assert message.startswith(f"cannot read {path}: ")
        assert "\n" not in message
        assert str(path) not in caught.value.reason


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    Image.fromarray(RGB).save(tmp_path / "other.png", format="TGA")
    for name in ("text.png", "other.png"):
        with pytest.raises(DataError, match="not an image in one of PNG, JPEG, BMP, TIFF"):
            decode(tmp_path / name)
    with pytest.raises(DataError, match=r"absent\.png: No such file"):
        decode(tmp_path / "absent.png")


def _claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes do not hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _png(_chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"")))


def _png(chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunks + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


@pytest.mark.parametrize("side", [8193, 12000, 60000])
def test_absurd_sizes_are_refused_from_the_header(tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(_claiming(side, side))
    with pytest.raises(DataError, match=r"bomb.png: .* pixels, more than the limit of 67108864"):
        decode(tmp_path / "bomb.png")


def test_the_largest_accepted_size_is_the_stated_one(
    save: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save("a.png", RGB)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 120)
    decode(path)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 119)
    with pytest.raises(DataError, match="10 x 12 pixels"):
        decode(path)


def test_the_error_comes_back_whole_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(UnreadableImage("a.png", "torn")))
    assert str(error) == "cannot read a.png: torn"
    assert error.reason == "torn"


def test_decoding_needs_no_heavy_import() -> None:
    code = (
        "import sys, cadbench.benchmark.data.images.inspection as _\n"
        "print([m for m in ('torch', 'pandas', 'scipy', 'numba', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
