"""SIGKILL at drawn moments of every phase, then the same command again.

A moment is a call or return of any function in the phase, counted in an undisturbed run; half of
them are drawn among those that change what lies on the disk.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterable, Iterator

from tests.faults.stage import METHODS, Place, Stage, numbers, run_words
from tests.faults.verdict import Row

PHASES = {
    "images": "reading the images",
    "extract": "extracting",
    "masks": "reading masks",
    "observe": "observing",
    "score": "scoring",
    "checkpoint": "saving a checkpoint",
    "record": "writing a record",
}


QUICK_PHASES = ("extract", "checkpoint", "record")
"""Those where a kill leaves part of a file, an experience, or a record."""


def kills(stage: Stage, times: int, seed: int = 0, phases: Iterable[str] = PHASES) -> Iterator[Row]:
    """A row a phase; `times` kills in each."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    counted = _counted(stage)
    for phase in phases:
        rng = random.Random(f"{seed} {phase}")
        row = Row(f"SIGKILL {PHASES[phase]}")
        for number in range(times):
            place = stage.place()
            words = run_words(place, *METHODS)
            moves = number % 2 == 0
            fault = {"phase": phase, "moves": moves,
                     "number": rng.randrange(counted[phase][moves])}  # fmt: skip
            row.hear(stage.call(place, words, ("kill_at", fault)), place)
            row.look(place, expected)
            row.again(stage, place, words, expected)
        yield row


def kills_of_imports(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """The same for `cadbench import`, into an empty folder and over a record that differs."""
    whole = stage.undisturbed(*METHODS)
    expected = numbers(whole.runs)
    archive = exported(stage)
    rng = random.Random(seed)
    row = Row("SIGKILL importing")
    count = whole.folder / "count-import"
    place = stage.place()
    done = stage.call(place, import_words(place, archive), ("count", {"path": str(count)}))
    assert done.code == 0, done
    limits = _read_counts(count)["import"]
    for number in range(times):
        place = stage.place(None if number % 3 else whole, cache=False)
        moves = number % 2 == 0
        fault = {"phase": "import", "moves": moves, "number": rng.randrange(limits[moves])}
        words = import_words(place, archive)
        before = numbers(place.runs).keys()
        row.hear(stage.call(place, words, ("kill_at", fault)), place)
        row.look(place, expected, before)
        row.again(stage, place, words, expected)
        if left := list(place.runs.glob(".import-*")):
            row.lost += 1
            row.notes.append(f"lost: {left} is left")
    yield row


def kills_in_writes(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """Killed in the middle of writing a file: it is there with a part of its bytes."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    rng = random.Random(seed)
    row = Row("killed in the middle of a write")
    for _ in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        # Most files of this study have some kilobytes.
        size = int(2 ** rng.uniform(3, 13))
        row.hear(stage.call(place, words, ("die_in_a_write", {"size": size})), place)
        row.look(place, expected)
        row.again(stage, place, words, expected)
    yield row


def kills_from_outside(stage: Stage, times: int, seed: int = 0) -> Iterator[Row]:
    """SIGKILL after a drawn time, whatever it is doing; worker processes lose their parent."""
    for fault, more, faults in (
        ("SIGKILL at any time", (), ()),
        ("SIGKILL at any time, images decoded in workers", (), (("decode_in_workers", {}),)),
        ("SIGKILL at any time, cells in workers (`--jobs 2`)", ("--jobs", "2"), ()),
    ):
        expected = numbers(stage.undisturbed(*METHODS).runs)
        rng = random.Random(f"{seed} {fault}")
        row = Row(fault)
        began = time.monotonic()
        stage.call(place := stage.place(), [*run_words(place, *METHODS), *more], *faults)
        lasts = time.monotonic() - began
        for _ in range(times):
            place = stage.place()
            words = [*run_words(place, *METHODS), *more]
            running = stage.start(place, words, *faults)
            time.sleep(rng.uniform(0, lasts))
            running.signal(signal.SIGKILL)
            row.hear(running.end(), place)
            row.look(place, expected)
            row.again(stage, place, words, expected)
        yield row


def exported(stage: Stage, kind: str = "zip") -> str:
    """An archive of the undisturbed records."""
    whole = stage.undisturbed(*METHODS)
    archive = whole.folder / f"all.{kind}"
    if not archive.exists():
        done = stage.call(whole, ["export", "all", "--to", archive, "--out", whole.runs])
        assert done.code == 0, done
    return str(archive)


def import_words(place: Place, archive: str) -> list[str]:
    return ["import", archive, "--out", str(place.runs)]


def _counted(stage: Stage) -> dict[str, tuple[int, int]]:
    place = stage.place()
    count = place.folder / "count"
    done = stage.call(place, run_words(place, *METHODS), ("count", {"path": str(count)}))
    assert done.code == 0, done
    return _read_counts(count)


def _read_counts(count: object) -> dict[str, tuple[int, int]]:
    with open(str(count)) as file:
        rows = [line.split() for line in file]
    return {phase: (int(every), int(moves)) for phase, every, moves in rows}
