"""The built-in synthetic dataset: 15 procedurally generated categories in the MVTec AD layout.

Only the code that renders the images is shipped. The same `VERSION` gives the same pixels on every
machine; it is increased whenever a pixel changes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ....results.storage.files import storage_error
from ....results.storage.locks import file_lock
from ...system.cache.last_use import announce_process, mark_used

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
    """Generate the dataset unless it is in the cache.

    The images are written to a temporary folder next to the final one, which is renamed when it is
    complete. A second process waits for the first, and the leftovers of killed ones are removed.

    Args:
        cache: the cache folder.
        reporter: receives the progress.

    Returns:
        The dataset's folder, `<cache>/synthetic-v<VERSION>`.
    """
    folder = cache / f"synthetic-v{VERSION}"
    announce_process(cache)
    mark_used(folder)
    if folder.is_dir():
        return folder
    try:
        with file_lock(cache / f"{folder.name}.lock", wait=True):
            if not folder.is_dir():
                _generate(folder, reporter)
    except OSError as error:
        raise storage_error(error, folder) from error
    return folder


def _generate(folder: Path, reporter: Reporter) -> None:
    """Call only under the lock: then every other partial folder was left by a killed process."""
    import shutil

    from ...system.processes import map_in_processes
    from .render import chunks, render_chunk

    for leftover in folder.parent.glob(f"{folder.name}.*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    total = len(CATEGORIES) * (TRAIN_GOOD + TEST_GOOD + TEST_DEFECTIVE)
    try:
        with reporter.task("generating the synthetic images", total, "images") as task:
            for count in map_in_processes(render_chunk, chunks(partial)):
                task.advance(count)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
