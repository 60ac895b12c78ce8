"""Several processes on the same records and cache at once, and what dead ones leave in the way."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator

from tests.faults.kills import exported, import_words
from tests.faults.stage import METHODS, ONE, Called, Place, Stage, numbers, run_words
from tests.faults.verdict import Row


def concurrent_runs(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Four processes on a study, the same with one killed, two on one cell, four imports."""
    rng = random.Random(seed)
    for fault, methods, count, killed in (
        ("four processes on the same runs and cache", METHODS, 4, False),
        ("the same, one of them killed", METHODS, 4, True),
        ("two processes on one cell", ONE, 2, False),
    ):
        expected = numbers(stage.undisturbed(*methods).runs)
        row = Row(fault)
        for _ in range(times):
            place = stage.place()
            words = run_words(place, *methods)
            begun = [stage.start(place, words) for _ in range(count)]
            if killed:
                time.sleep(rng.uniform(0, 0.8))
                begun[rng.randrange(count)].signal(signal.SIGKILL)
            for called in [running.end() for running in begun]:
                _hear(row, called, place, may_fail=False)
            row.look(place, expected, expected)
            row.again(stage, place, words, expected, anew=True)
        yield row
    yield _imports(stage, times)


def stale_locks(stage: Stage, times: int) -> Iterator[Row]:
    """Locks and unfinished work of processes that are dead do not hold a run up."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    row = Row("lock file of a dead process")
    for number in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        kill = ("kill_at", {"phase": "record", "number": 5 + number, "moves": False})
        assert stage.call(place, words, kill).code == -9
        for record in expected:
            final = place.runs / record
            final.parent.mkdir(parents=True, exist_ok=True)
            final.with_name(f".{final.name}.lock").write_text("4194304 elsewhere\n")
        _hear(row, stage.call(place, words), place, may_fail=False)
        row.look(place, expected, expected)
    yield row


def _imports(stage: Stage, times: int) -> Row:
    """An import does not wait for another: it says so."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("four imports of the same export at once")
    archive = exported(stage)
    for _ in range(times):
        place = stage.place()
        words = import_words(place, archive)
        begun = [stage.start(place, words) for _ in range(4)]
        for called in [running.end() for running in begun]:
            _hear(row, called, place, may_fail=True)
        row.look(place, expected)
        row.again(stage, place, words, expected)
    return row


def _hear(row: Row, called: Called, place: Place, *, may_fail: bool) -> None:
    row.hear(called, place)
    if called.code > 0 and not may_fail:
        row.lost += 1
        row.notes.append(f"lost: {called.err}")
