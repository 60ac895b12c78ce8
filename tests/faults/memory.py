"""No memory, no threads: one line with what to lower, and nothing half-written."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

from tests.faults.stage import METHODS, Stage, numbers, run_words
from tests.faults.verdict import Row

PHASES = ("images", "extract", "masks", "observe", "score", "checkpoint", "record")


def no_memory(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """An allocation fails in each phase: as a stub, and for want of address space."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("allocation fails (stub of NumPy's and torch's)")
    for phase in PHASES:
        for of_torch in (False, True):
            place = stage.place()
            words = run_words(place, *METHODS)
            fault = ("no_memory", {"phase": phase, "of_torch": of_torch})
            row.hear(stage.call(place, words, fault), place, named="out of memory; try a smaller")
            row.look(place, expected)
            row.again(stage, place, words, expected)
    yield row
    rng = random.Random(seed)
    row = Row("no address space left (RLIMIT_AS)")
    for phase in PHASES:
        for _ in range(times):
            place = stage.place()
            words = run_words(place, *METHODS)
            spare = int(2 ** rng.uniform(10, 25))
            called = stage.call(place, words, ("small_memory", {"phase": phase, "spare": spare}))
            row.hear(called, place, named="" if called.code == 0 else "memory")
            row.look(place, expected)
            row.again(stage, place, words, expected)
    yield row
    if os.geteuid() != 0:
        return
    row = Row("no more threads or processes (RLIMIT_NPROC)")
    for spare in range(2 * times):
        place = stage.place()
        os.chmod(place.folder, 0o777)
        words = run_words(place, *METHODS)
        faults = [("unprivileged", {"folder": str(place.folder)}), ("decode_in_workers", {}),
                  ("few_processes", {"spare": spare})]  # fmt: skip
        row.hear(stage.call(place, words, *faults), place)
        row.look(place, expected)
        row.again(stage, place, words, expected)
    yield row
