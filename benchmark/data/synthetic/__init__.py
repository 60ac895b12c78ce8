"""The built-in synthetic benchmark: 15 procedurally drawn categories in the MVTec AD layout.

Nothing is shipped but the programs that draw the images; the same version gives the same pixels on
every machine. `VERSION` changes whenever a pixel does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ....results.storage.files import storage_error

if TYPE_CHECKING:
    from ...system.reporting import Reporter

VERSION = "1"
TEXTURES = ("brushed_steel", "denim", "linen", "oak", "terrazzo")
OBJECTS = (
    "ampoule",
    "biscuit",
    "bolt",
    "bracket",
    "button",
    "coin_cell",
    "connector",
    "gear",
    "key",
    "washer",
)
CATEGORIES = tuple(sorted(TEXTURES + OBJECTS))
TRAIN_GOOD, TEST_GOOD, TEST_DEFECTIVE = 40, 10, 20


def ensure_generated(cache: Path, reporter: Reporter) -> Path:
    """The folder with the images, `<cache>/synthetic-v<VERSION>`; draws them if they are not there.

    They are drawn into a folder beside it that takes the name when whole. A second process waits
    for the first; what a killed one left behind is removed.
    """
    folder = cache / f"synthetic-v{VERSION}"
    if folder.is_dir():
        return folder
    from filelock import FileLock

    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{folder.name}.lock"):
            if not folder.is_dir():
                _draw_all(folder, reporter)
    except OSError as error:
        raise storage_error(error, folder) from error
    return folder


def _draw_all(folder: Path, reporter: Reporter) -> None:
    """Only called under the lock: every other partial folder is a dead process's."""
    import shutil

    from ...system.processes import map_in_processes
    from .draw import chunks, draw_chunk

    for left in folder.parent.glob(f"{folder.name}.*.partial"):
        shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    total = len(CATEGORIES) * (TRAIN_GOOD + TEST_GOOD + TEST_DEFECTIVE)
    try:
        with reporter.task("drawing the synthetic images", total, "images") as task:
            for count in map_in_processes(draw_chunk, chunks(partial)):
                task.advance(count)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
