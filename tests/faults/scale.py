"""Large inputs: 10,000 images, 1,000 records and 100 categories, with time and peak memory.

    python -m tests.faults.scale [--images N] [--records N] [--categories N]

The exit code is 1 where a command does not end with 0, or with errors or warnings.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.results.figures.studies import names, study_record

GROUPS = 10
"""Categories of the images."""

METHODS = ("mecad", "upper", "lower", "other")


@dataclass(frozen=True)
class Measured:
    """A command with its exit code, seconds, peak memory of its process in bytes, and messages."""

    words: str
    code: int
    seconds: float
    memory: int
    said: str


def draw_images(root: Path, count: int) -> None:
    """Draw `count` images of 64 x 64 pixels: 60 % to train on, 40 % to test, half with defects."""
    rng = np.random.default_rng(0)
    each = count // GROUPS
    for group in range(GROUPS):
        for number in range(each):
            kind = number * 10 // each
            folder = "train/good" if kind < 6 else "test/good" if kind < 8 else "test/dent"
            pixels = rng.integers(90, 130, (64, 64, 3), dtype=np.uint8)
            place = root / f"kind{group:02}" / folder / f"{number:05}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            if kind >= 8:
                pixels[20:30, 20:30] += 60
                mask = np.zeros((64, 64), np.uint8)
                mask[20:30, 20:30] = 255
                truth = root / f"kind{group:02}/ground_truth/dent/{number:05}_mask.png"
                truth.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(truth)
            Image.fromarray(pixels).save(place)


def fabricate_records(out: Path, count: int, categories: int) -> None:
    """Write records of four methods on so many categories; scores are drawn."""
    written = 0
    for seed in range(count):
        for number, method in enumerate(METHODS):
            if written == count:
                return
            experts = {"experts": 1 + seed % 5} if method == "mecad" else {}
            repeat = seed // 5 if method == "mecad" else seed
            study_record(out, names(categories), number, method, experts, seed=repeat)
            written += 1


def measure(folder: Path, words: Sequence[object]) -> Measured:
    """Run `cadbench words` in a process of its own."""
    texts = list(map(str, words))
    environment = {**os.environ, "CADBENCH_CACHE": str(folder / "cache")}
    began = time.monotonic()
    with (folder / "stderr").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "cadbench", *texts],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    seconds, scale = time.monotonic() - began, 1 if sys.platform == "darwin" else 1024
    shown = " ".join(word for word in texts if str(folder) not in word)
    return Measured(shown, process.returncode, seconds, usage.ru_maxrss * scale, text)


def many_images(folder: Path, count: int) -> list[Measured]:
    """Manifest, check, run and reading of a run on this many images."""
    data, out = folder / "images", folder / "runs"
    draw_images(data, count)
    commands: list[list[object]] = [
        ["data", "info", "folder", "--data-root", data, "-q"],
        ["data", "verify", "--data-root", data],
        ["run", "--data-root", data, "--image-size", 32, "--maps", "none", "-q", "--out", out],
        ["run", "--data-root", data, "--image-size", 32, "--maps", "none", "-q", "--out", out],
        ["table", "--out", out],
    ]
    return [measure(folder, words) for words in commands]


def many_records(folder: Path, count: int, categories: int) -> list[Measured]:
    """Every reading command on this many records."""
    out, export = folder / f"records-{count}-{categories}", folder / f"{count}-{categories}.zip"
    fabricate_records(out, count, categories)
    reading: list[list[object]] = [
        *(["runs", "ls"], ["runs", "du"], ["table"], ["table", "per-category"], ["leaderboard"]),
        *(["compare", "upper", "lower"], ["figure", "matrix", "--to", folder / "figures"]),
        *(["report", "--to", folder / "report.html"], ["export", "all", "--to", export]),
    ]
    measured = [measure(folder, [*words, "--out", out]) for words in reading]
    measured.append(measure(folder, ["import", export, "--out", folder / f"again-{count}"]))
    return measured


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults.scale")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--categories", type=int, default=100)
    given = parser.parse_args()
    failed = False
    print("| input | command | seconds | peak memory (GB) |\n|---|---|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="cadbench-scale-") as name:
        folder = Path(name)
        for what, run in (
            (f"{given.images:,} images", lambda: many_images(folder, given.images)),
            (f"{given.records:,} records", lambda: many_records(folder, given.records, 8)),
            (
                f"20 records of {given.categories} categories",
                lambda: many_records(folder, 20, given.categories),
            ),
        ):
            for one in run():
                line = f"| {what} | `{one.words}` | {one.seconds:.1f} | {one.memory / 1e9:.2f} |"
                print(line, flush=True)
                if one.code or re.search("^(error|warning|Traceback)", one.said, re.MULTILINE):
                    failed = True
                    print(f"{one.words}: {one.code} {one.said[-800:]}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
