"""Disks that are full or read-only, and folders that vanish, at every step that writes.

A small tmpfs stands for the disk, which takes root; where it cannot be mounted, rows say so.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.faults.kills import exported, import_words
from tests.faults.stage import METHODS, Place, Stage, numbers, run_words
from tests.faults.verdict import Row

STEPS = (("images", 1), ("extract", 1), ("extract", 2), ("masks", 1), ("observe", 1),
         ("observe", 3), ("score", 2), ("checkpoint", 1), ("checkpoint", 2), ("checkpoint", 7),
         ("record", 1), ("record", 2))  # fmt: skip
"""(phase, entry) at which something happens to a folder."""


def can_mount() -> bool:
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextlib.contextmanager
def small_disk(stage: Stage, options: str) -> Iterator[Place]:
    """A place whose cache and runs lie on a tmpfs with these options."""
    place = stage.place()
    disk = place.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], check=True)
    try:
        yield replace(place, cache=disk / "cache", runs=disk / "runs")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def full_disks(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Room for so many files or bytes and no more; then there is room, and the same command."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    with small_disk(stage, "size=64m,nr_inodes=5000") as place:
        assert stage.call(place, run_words(place, *METHODS)).code == 0
        used = os.statvfs(place.runs)
        files = used.f_files - used.f_ffree
        pages = used.f_blocks - used.f_bfree
    rng = random.Random(seed)
    for fault, option, most in (
        ("disk full: no more files (tmpfs)", "size=64m,nr_inodes={}", files),
        ("disk full: no more bytes (tmpfs)", "nr_inodes=5000,size={}k", 4 * pages),
    ):
        row = Row(fault)
        for number in range(times):
            # Evenly over the run, so that each step meets it.
            limit = 1 + int((number + rng.random()) * most / times)
            with small_disk(stage, option.format(limit)) as place:
                words = run_words(place, *METHODS)
                row.hear(stage.call(place, words), place, named="no space left")
                row.look(place, expected)
                more = ["mount", "-o", "remount,size=64m,nr_inodes=5000"]
                subprocess.run([*more, str(place.runs.parent)], check=True)
                row.again(stage, place, words, expected)
        yield row


def large_files(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Files may not grow beyond a limit (RLIMIT_FSIZE): runs and imports."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    archive = exported(stage)
    rng = random.Random(seed)
    row = Row("disk full: files cannot grow (RLIMIT_FSIZE)")
    for number in range(times):
        place = stage.place()
        words = import_words(place, archive) if number % 4 == 3 else run_words(place, *METHODS)
        size = int(2 ** rng.uniform(0, 13))
        called = stage.call(place, words, ("small_files", {"size": size}))
        row.hear(called, place, named="" if called.code == 0 else "no space left")
        row.look(place, expected)
        row.again(stage, place, words, expected)
    yield row


def full_exports(stage: Stage) -> Iterator[Row]:
    """What other commands write is whole or not there."""
    whole = stage.undisturbed(*METHODS)
    out = ["--out", str(whole.runs)]
    row = Row("disk full: exports, reports, figures, pages (tmpfs)")
    for words, name in (
        (["export", "all"], "all.zip"),
        (["export", "all"], "all.tar.gz"),
        (["export", "all"], "all"),
        (["report"], "report.html"),
        (["figure", "curves"], "figures"),
        (["leaderboard", "--publish"], "board"),
    ):
        for size in (0, 4, 8):
            # The place itself and one file take two pages.
            with small_disk(stage, f"size={max(size, 4)}k,nr_inodes={64 if size else 1}") as place:
                disk = place.runs.parent
                target = [str(disk / name)]
                line = [*words, *(target if "--publish" in words else ["--to", *target]), *out]
                called = stage.call(whole, line)
                row.hear(called, place, named="" if called.code == 0 else "no space left")
                left = [path for path in disk.rglob("*") if path.is_file()]
                if called.code != 0 and name not in ("figures", "board") and left:
                    row.lost += 1
                    row.notes.append(f"lost: half of it is left: {left}")
    yield row


def read_only(stage: Stage, seed: int = 0) -> Iterator[Row]:
    """Folders turn read-only at each step (EACCES), or were so from the start (EROFS)."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    row = Row("folder turns read-only during a run")
    for name in ("runs", "cache"):
        for phase, entry in STEPS:
            place = stage.place()
            for folder in (place.cache, place.runs):
                folder.mkdir()
            words = run_words(place, *METHODS)
            os.chmod(place.folder, 0o777)
            freeze = f"chmod -R a-w {getattr(place, name)}"
            faults = [("unprivileged", {"folder": str(place.folder)}),
                      ("shell", {"phase": phase, "command": freeze, "entry": entry})]  # fmt: skip
            row.hear(stage.call(place, words, *faults), place)
            row.look(place, expected)
            subprocess.run(["chmod", "-R", "u+w", str(getattr(place, name))], check=True)
            row.again(stage, place, words, expected)
    yield row
    if not can_mount():
        return
    row = Row("read-only disk from the start (tmpfs)")
    for warm in (False, True):
        for name in ("runs", "cache", "both"):
            with small_disk(stage, "size=64m") as disk:
                plain = stage.place(whole if warm else None, runs=False)
                if warm:
                    shutil.copytree(plain.cache, disk.cache)
                on = replace(
                    plain,
                    runs=disk.runs if name != "cache" else plain.runs,
                    cache=disk.cache if name != "runs" else plain.cache,
                )
                words = run_words(on, *METHODS)
                remount = ["mount", "-o"]
                subprocess.run([*remount, "remount,ro", str(disk.runs.parent)], check=True)
                row.hear(stage.call(on, words), on)
                row.look(on, expected)
                subprocess.run([*remount, "remount,rw", str(disk.runs.parent)], check=True)
                row.again(stage, on, words, expected)
    yield row


def vanishing(stage: Stage) -> Iterator[Row]:
    """The folder of the records or of the cache is removed at each step."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    for name in ("runs", "cache"):
        row = Row(f"folder vanishes: {name}")
        for phase, entry in STEPS:
            place = stage.place()
            folder: Path = getattr(place, name)
            words = run_words(place, *METHODS)
            gone = ("shell", {"phase": phase, "command": f"rm -rf {folder}", "entry": entry})
            row.hear(stage.call(place, words, gone), place)
            row.look(place, expected)
            row.again(stage, place, words, expected, anew=True)
        yield row
