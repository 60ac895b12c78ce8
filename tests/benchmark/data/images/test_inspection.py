"""Inspection: files are decoded once, remembered while unchanged, and nothing is lost or left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.data.images import image_facts
from cadbench.benchmark.data.images.image_facts import ImageFacts
from cadbench.benchmark.data.images.inspection import SkippedFile, inspect_images
from cadbench.benchmark.system.reporting import Silent, Task
from cadbench.results.errors import DataError

from tests.benchmark.data.conftest import Draw, noise


class Watching(Silent):
    """Counts the files that are decoded, and calls `at_advance` after each chunk."""

    def __init__(self, at_advance: Callable[[], None] = lambda: None) -> None:
        self.decoded = 0
        self._at_advance = at_advance

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        yield self

    def advance(self, amount: int = 1) -> None:
        self.decoded += amount
        self._at_advance()


def look(
    root: Path,
    files: dict[str, bool],
    cache: Path | None = None,
    *,
    reporter: Watching | None = None,
    skip: bool = False,
    workers: int = 0,
) -> tuple[dict[str, ImageFacts], list[SkippedFile]]:
    return inspect_images(
        root,
        files,
        skip_unreadable=skip,
        cache=cache,
        workers=workers,
        reporter=reporter or Silent(),
    )


def decoded(root: Path, files: dict[str, bool], cache: Path) -> int:
    watching = Watching()
    look(root, files, cache, reporter=watching)
    return watching.decoded


def test_another_image_of_the_same_size_and_time_is_noticed(save: Draw, tmp_path: Path) -> None:
    """As when an archive is unpacked again: BMP files are of one size, and times come with it."""
    path = save("a.bmp", noise(0))
    before, files = os.stat(path), {"a.bmp": False}
    first, _ = look(tmp_path, files, tmp_path / "cache")
    save("a.bmp", noise(1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    second, _ = look(tmp_path, files, tmp_path / "cache")
    assert first["a.bmp"].content != second["a.bmp"].content


@pytest.fixture
def many(save: Draw, tmp_path: Path) -> tuple[Path, dict[str, bool]]:
    """300 images, enough for worker processes."""
    names = [f"many/{index:03}.png" for index in range(300)]
    for index, name in enumerate(names):
        save(name, noise(index, 3, 4))
    return tmp_path, dict.fromkeys(names, False)


def test_unchanged_files_are_decoded_once(save: Draw, tmp_path: Path) -> None:
    save("a.png", noise(0))
    save("b.png", noise(1))
    cache = tmp_path / "cache"
    files = {"a.png": False, "b.png": False}
    first = look(tmp_path, files, cache)
    assert first == look(tmp_path, files)
    assert first[0]["a.png"][:2] == (10, 12)
    assert decoded(tmp_path, files, cache) == 0
    assert look(tmp_path, files, cache) == first

    time.sleep(0.01)
    save("b.png", noise(2))
    assert decoded(tmp_path, files, cache) == 1
    assert look(tmp_path, files, cache)[0]["b.png"] != first[0]["b.png"]
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert decoded(tmp_path, files, cache) == 1


def test_a_part_of_the_files_leaves_the_rest_remembered(save: Draw, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save(name, noise(0))
    look(tmp_path, {"a.png": False}, tmp_path / "cache")
    look(tmp_path, {"b.png": False}, tmp_path / "cache")
    assert decoded(tmp_path, {"a.png": False, "b.png": False}, tmp_path / "cache") == 0


def test_roots_do_not_share_what_is_remembered(save: Draw, tmp_path: Path) -> None:
    for root in ("one", "two"):
        path = save(f"{root}/a.png", noise(len(root), 4, 4 if root == "one" else 5))
        os.utime(path, ns=(1, 1))
    for root, width in (("one", 4), ("two", 5)):
        facts, _ = look(tmp_path / root, {"a.png": False}, tmp_path / "cache")
        assert facts["a.png"].width == width


@pytest.mark.parametrize("damage", ["empty", "cut", "flip", "other version", "garbage"])
def test_a_damaged_memory_is_made_anew(
    save: Draw, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a.png", noise(0))
    files = {"a.png": False}
    first = look(tmp_path, files, tmp_path / "cache")
    (file,) = (tmp_path / "cache" / "manifests").iterdir()
    whole = file.read_bytes()
    if damage == "other version":
        monkeypatch.setattr(image_facts, "VERSION", 999)
    else:
        flipped = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
        damaged = {"empty": b"", "cut": whole[:-5], "flip": flipped, "garbage": b"\xff\n{}"}
        file.write_bytes(damaged[damage])
    assert decoded(tmp_path, files, tmp_path / "cache") == 1
    assert look(tmp_path, files, tmp_path / "cache") == first
    assert decoded(tmp_path, files, tmp_path / "cache") == 0


def test_the_memory_holds_no_place(save: Draw, tmp_path: Path) -> None:
    save("a.png", noise(0))
    look(tmp_path, {"a.png": False}, tmp_path / "cache")
    (file,) = (tmp_path / "cache" / "manifests").iterdir()
    assert str(tmp_path) not in file.read_text() + file.name
    assert list(json.loads(file.read_bytes().partition(b"\n")[2])["files"]) == ["a.png"]


def test_worker_processes_find_the_same(many: tuple[Path, dict[str, bool]]) -> None:
    root, files = many
    watching = Watching()
    assert look(root, files, workers=2, reporter=watching) == look(root, files)
    assert watching.decoded == len(files)


def test_masks_are_hashed_as_masks(save: Draw, tmp_path: Path) -> None:
    save("weak.png", np.array([[0, 1]], np.uint8))
    save("strong.png", np.array([[0, 255]], np.uint8))
    as_masks, _ = look(tmp_path, {"weak.png": True, "strong.png": True})
    assert as_masks["weak.png"] == as_masks["strong.png"]
    as_images, _ = look(tmp_path, {"weak.png": False, "strong.png": False})
    assert as_images["weak.png"] != as_images["strong.png"]


def test_unreadable_files_are_named_or_listed(save: Draw, tmp_path: Path) -> None:
    save("good.png", noise(0))
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:100])
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("torn", "gone", "pipe"):
        with pytest.raises(DataError, match=rf"cannot read {tmp_path}/{name}.png: .*--skip-unr"):
            look(tmp_path, {f"{name}.png": False})
    files = dict.fromkeys(["good.png", "torn.png", "gone.png", "pipe.png"], False)
    facts, skipped = look(tmp_path, files, tmp_path / "cache", skip=True)
    assert list(facts) == ["good.png"]
    reasons = {s.path: s.reason for s in skipped}
    assert reasons.keys() == files.keys() - {"good.png"}
    assert not any(str(tmp_path) in reason for reason in reasons.values())
    assert reasons["gone.png"] == "No such file or directory"
    assert reasons["pipe.png"] == "not a regular file"
    assert look(tmp_path, files, tmp_path / "cache", skip=True)[1] == skipped


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_keeps_what_is_done(many: tuple[Path, dict[str, bool]], workers: int) -> None:
    root, files = many

    def interrupt() -> None:
        if watching.decoded >= 100:
            raise KeyboardInterrupt

    watching = Watching(interrupt)
    with pytest.raises(KeyboardInterrupt):
        look(root, files, root / "cache", reporter=watching, workers=workers)
    assert decoded(root, files, root / "cache") == len(files) - watching.decoded


def test_long_work_is_saved_on_the_way(
    many: tuple[Path, dict[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, files = many
    monkeypatch.setattr(image_facts, "_SAVE_EVERY", 0.0)
    saved: list[bool] = []
    watching = Watching(lambda: saved.append((root / "cache" / "manifests").exists()))
    look(root, files, root / "cache", reporter=watching)
    assert saved[:3] == [False, True, True]


def test_an_unreadable_file_keeps_what_is_done(many: tuple[Path, dict[str, bool]]) -> None:
    root, files = many
    last = list(files)[-1]
    (root / last).write_bytes(b"no image")
    with pytest.raises(DataError, match=last):
        look(root, files, root / "cache", workers=2)
    watching = Watching()
    look(root, files, root / "cache", reporter=watching, skip=True)
    assert watching.decoded <= 16


def test_ctrl_c_in_a_terminal_ends_workers_and_all_quickly(
    many: tuple[Path, dict[str, bool]], tmp_path: Path
) -> None:
    root, files = many
    (tmp_path / "script.py").write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), str(root), *files],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "one round\n"
    os.killpg(process.pid, signal.SIGINT)  # the terminal's Ctrl-C reaches the workers too
    _, errors = process.communicate(timeout=10)  # returns when no process holds the pipes
    assert process.returncode == 130
    assert "interrupted" in errors.splitlines()


ENDLESS = """
import signal
import sys
from pathlib import Path
from cadbench.benchmark.data.images.inspection import inspect_images
from cadbench.benchmark.system.reporting import Silent

if __name__ == "__main__":
    # Started in the background, a process ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root, *files = sys.argv[1:]
    try:
        while True:
            inspect_images(Path(root), dict.fromkeys(files, False), skip_unreadable=False,
                           cache=None, workers=2, reporter=Silent())
            print("one round", flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
"""
