"""The manifest of many images: time and peak memory of building it, first and from the cache.

`python tests/bench/manifest.py [--images 10000,100000] [--side 16]` writes PNG files in MVTec AD's
layout to a temporary folder; a tenth of the images is defective and has masks. Every build runs in
its own process. `interrupted` is a first build that is interrupted halfway, `resumed` the next one;
together they read every file once.
"""

from __future__ import annotations

import argparse
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

CATEGORIES = 30


def png(pixels: np.ndarray) -> bytes:
    """pixels (H, W) or (H, W, 3) uint8 as the bytes of a PNG file; a tenth of Pillow's time."""
    height, width = pixels.shape[:2]
    lines = np.zeros((height, pixels.size // height + 1), np.uint8)  # a filter byte, then the line
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def places(images: int) -> Iterator[tuple[str, str, int]]:
    """Category, folder and number of each image."""
    for number in range(images):
        category, place = number % CATEGORIES, number // CATEGORIES
        folder = {0: "test/good", 1: "test/scratch"}.get(place % 10, "train/good")
        yield f"part{category:02}", folder, place


def write_dataset(root: Path, images: int, side: int) -> int:
    """Write the dataset; returns the number of files."""
    rng = np.random.Generator(np.random.PCG64(0))
    mask = np.zeros((side, side), np.uint8)
    mask[: side // 2] = 255
    mask_png = png(mask)
    files = images
    folders: set[Path] = set()
    for category, folder, number in places(images):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        written = [(root / category / folder / f"{number:06}.png", png(pixels))]
        if folder == "test/scratch":
            masks = root / category / "ground_truth" / "scratch"
            written.append((masks / f"{number:06}_mask.png", mask_png))
            files += 1
        for path, data in written:
            if path.parent not in folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                folders.add(path.parent)
            path.write_bytes(data)
    return files


def build(root: Path, cache: Path, stop_at: int) -> None:
    """Build once; print files read, seconds, CPU seconds, and the peak in MB before and after."""
    import contextlib

    from cadbench.benchmark.data.manifest import build_manifest
    from cadbench.benchmark.system.reporting import Silent
    from loky import get_reusable_executor

    class Counting(Silent):
        read = 0

        def task(self, description: str, total: int, unit: str):
            return contextlib.nullcontext(self)

        def advance(self, amount: int = 1) -> None:
            self.read += amount
            if stop_at and self.read >= stop_at:
                raise KeyboardInterrupt

    reporter = Counting()
    before = peak()
    start, cpu = time.perf_counter(), time.process_time()
    try:
        manifest = build_manifest("generated", root, cache=cache, reporter=reporter)
        assert manifest.hash
        assert not manifest.warnings
    except KeyboardInterrupt:
        assert stop_at
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    after = peak()
    if reporter.read:
        get_reusable_executor().shutdown(wait=True)  # workers count once they have ended
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += workers.ru_utime + workers.ru_stime
    print(reporter.read, seconds, cpu, before, after)


def peak() -> float:
    """Peak memory of this process in MB; a worker holds only the image that it reads."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", default="10000,100000")
    parser.add_argument("--side", type=int, default=16, help="pixels")
    parser.add_argument("--one", nargs=3, help="root, cache, files to stop after: build here")
    args = parser.parse_args()
    if args.one:
        build(Path(args.one[0]), Path(args.one[1]), int(args.one[2]))
        return
    columns = ("files read", "seconds", "CPU s", "peak MB", "bytes/image")
    print(f"{'images':>8} {'build':>12}", *(f"{column:>12}" for column in columns))
    for images in map(int, args.images.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "generated")
            start = time.perf_counter()
            files = write_dataset(root, images, args.side)
            print(f"{images:>8} {'(written)':>12} {files:>12} {time.perf_counter() - start:>12.1f}")
            for name, cache, stop_at in (
                ("first", "a", 0),
                ("second", "a", 0),
                ("interrupted", "b", files // 2),
                ("resumed", "b", 0),
            ):
                words = [sys.executable, __file__, "--one", str(root), str(Path(folder, cache)),
                         str(stop_at)]  # fmt: skip
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                read, seconds, cpu, before, after = map(float, done.stdout.split())
                grown = (after - before) * 2**20 / images
                print(f"{images:>8} {name:>12} {read:>12.0f} {seconds:>12.1f} {cpu:>12.1f} "
                      f"{after:>12.0f} {grown:>12.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
