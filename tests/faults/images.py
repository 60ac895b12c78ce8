"""Workers that are killed, and images that change or vanish, before, during and after a run."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.faults.stage import METHODS, Place, Stage, numbers, run_words
from tests.faults.verdict import Row


def killed_workers(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """SIGKILL to processes that decode images, and to those that compute cells."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("decoding worker killed by the system")
    for number in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        called = stage.call(place, words, ("kill_a_worker", {"after": 1 + number % 4}))
        row.hear(called, place)
        row.look(place, expected)
        row.again(stage, place, words, expected)
    yield row
    rng = random.Random(seed)
    row = Row("worker of `--jobs 2` killed by the system")
    for _ in range(times):
        place = stage.place()
        words = [*run_words(place, *METHODS), "--jobs", "2"]
        running = stage.start(place, words)
        until = time.monotonic() + 10
        while not (found := _workers(running.pid)) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 2))
        for pid in found[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        row.hear(running.end(), place)
        row.look(place, expected)
        row.again(stage, place, words, expected)
    yield row


def changing_images(stage: Stage, seed: int = 0) -> Iterator[Row]:
    """An image or a mask is replaced or vanishes between two looks at it; then it is back."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    rng = random.Random(seed)
    changed = Row("dataset changes during a run")
    gone = Row("image or mask vanishes during a run")
    for phase in ("images", "extract", "masks"):
        for _ in range(4):
            for row in (changed, gone):
                place = _own_images(stage)
                kind = "ground_truth/spot" if phase == "masks" else rng.choice(
                    ("train/good", "test/good", "test/spot")
                )  # fmt: skip
                files = sorted(place.data.glob(f"*/{kind}/*.png"))
                file, other = rng.sample(files, 2)
                while other.read_bytes() == file.read_bytes():
                    other = rng.choice(files)
                before = file.read_bytes()
                if row is gone:
                    fault = ("vanish", {"phase": phase, "path": str(file)})
                else:
                    by = {"path": str(file), "by": str(other)}
                    fault = ("replaced", {"phase": phase, **by})
                words = run_words(place, *METHODS)
                called = stage.call(place, words, fault)
                # Changed before it is looked at for the first time, it is another dataset.
                other_set = phase == "images" and row is changed
                row.hear(called, place, named="" if called.code == 0 else file.name)
                if called.code == 0 and not other_set:
                    row.wrong += 1
                    row.notes.append(f"wrong: {file} changed unnoticed in {phase}")
                if other_set:
                    shutil.rmtree(place.runs, ignore_errors=True)
                row.look(place, expected)
                file.write_bytes(before)
                row.again(stage, place, words, expected)
    yield changed
    yield gone


def replaced_images(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """After a whole run an image is another: the next run is that of a dataset never seen."""
    whole = stage.undisturbed(*METHODS)
    rng = random.Random(seed)
    for fault, alike in (
        ("images replaced after caching", False),
        ("images replaced after caching, size and time kept", True),
        ("image vanishes after caching", None),
    ):
        row = Row(fault)
        for _ in range(times):
            place = replace(stage.place(whole), data=(own := _own_images(stage)).data)
            words = run_words(place, *METHODS)
            assert stage.call(place, words).code == 0  # its cache knows these paths
            files = sorted(place.data.glob("*/t*/good/*.png"))
            file = rng.choice(files)
            if alike is None:
                file.unlink()
            else:
                _replace(file, rng.choice([f for f in files if f != file]), alike)
            row.hear(stage.call(place, words), place)
            fresh = replace(own, cache=own.folder / "fresh", runs=own.folder / "fresh-runs")
            assert stage.call(fresh, run_words(fresh, *METHODS)).code == 0
            both = {**numbers(whole.runs), **numbers(fresh.runs)}
            row.look(place, both, both)
        yield row


def _own_images(stage: Stage) -> Place:
    place = stage.place()
    data = place.folder / "plates"
    shutil.copytree(place.data, data)
    return replace(place, data=data)


def _replace(file: Path, by: Path, alike: bool) -> None:
    """Write another's pixels to the file; alike: with the same size and time of change."""
    before, content = file.stat(), by.read_bytes()
    if alike:
        # Both end in bytes that no reader of PNG looks at.
        longest = max(before.st_size, len(content))
        os.truncate(file, longest)
        content = content.ljust(longest, b"\0")
    file.write_bytes(content)
    if alike:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _workers(group: int) -> list[int]:
    """Processes that loky has started in the group."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes()
            if int(fields[2]) == group and b"popen_loky" in line:
                found.append(int(entry.name))
    return sorted(found)
