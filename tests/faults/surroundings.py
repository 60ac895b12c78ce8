"""Faults around a run: output that cannot be written, no flock, hostile methods, dead helpers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.hostile_methods import FAILING, Moves
from tests.faults.stage import METHODS, ONE, Called, Fault, Place, Stage, numbers, run_words
from tests.faults.verdict import Row

OUTPUT, ERRORS = 1, 2
"""Descriptors."""

READING = (["table"], ["show", "mecad"], ["leaderboard"], ["metrics"])
HOSTILE = "tests.faults.hostile_methods"
NO_FLOCK: Fault = ("no_flock", {})


def broken_streams(stage: Stage, quick: bool) -> Iterator[Row]:
    """Standard output or error is closed, full, or a pipe without a reader."""
    methods = ONE if quick else METHODS
    whole = stage.undisturbed(*methods)
    expected = numbers(whole.runs)
    for how in ("closed", "full", "broken"):
        row = Row(f"standard output or error {how}")
        for descriptor in (OUTPUT, ERRORS):
            fault = ("broken_stream", {"descriptor": descriptor, "how": how})
            for jobs in ((), ("--jobs", "2"))[: 1 if quick else 2]:
                place = stage.place()
                words = [word for word in run_words(place, *methods) if word != "-q"]
                called = stage.call(place, [*words, *jobs], fault)
                _hear_result(row, called, place, failing=descriptor == OUTPUT)
                row.look(place, expected, expected)
            for words in READING[-1 if quick else 0 :]:
                out = [] if words == ["metrics"] else ["--out", str(whole.runs)]
                called = stage.call(whole, [*words, *out], fault)
                _hear_result(row, called, whole, failing=descriptor == OUTPUT and how != "broken")
        yield row


def no_flock(stage: Stage, times: int) -> Iterator[Row]:
    """The file system has no flock: a killed run blocks nobody, and two runs share the work."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("no flock: the next run after a killed one")
    for number in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        kill = ("kill_at", {"phase": "observe", "number": 5 + 40 * number, "moves": False})
        row.hear(stage.call(place, words, NO_FLOCK, kill), place)
        _hear_result(row, stage.call(place, words, NO_FLOCK), place, failing=False)
        row.look(place, expected, expected)
    yield row
    row = Row("no flock: two processes on the same runs")
    for _ in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        started = [stage.start(place, words, NO_FLOCK) for _ in range(2)]
        for called in [running.end() for running in started]:
            _hear_result(row, called, place, failing=False)
        row.look(place, expected, expected)
    yield row


def hostile_methods(stage: Stage, quick: bool) -> Iterator[Row]:
    """A method misbehaves in a run with others, in the same process and in workers."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("method that ends, interrupts or confuses the program")
    for method in FAILING[: 2 if quick else None]:
        for jobs in ((), ("--jobs", "2"))[: 1 if quick else 2]:
            place = stage.place()
            name = f"{HOSTILE}:{method.__name__}"
            words = run_words(place, *METHODS, "--method", name, "--set", f"{name}.bank_budget=9")
            called = stage.call(place, [*words, *jobs])
            row.hear(called, place, name)
            if called.code != 1:
                row.lost += 1
                row.notes.append(f"lost: {name} ended with {called.code}")
            row.look(place, expected)
            row.again(stage, place, run_words(place, *METHODS), expected)
    yield row
    row = Row("method that changes the folder and the environment")
    expected = numbers(stage.undisturbed(*ONE).runs)
    place = stage.place()
    name = f"{HOSTILE}:{Moves.__name__}"
    words = ("--method", name, "--set", f"{name}.bank_budget=9", *ONE)
    _hear_result(row, stage.call(place, run_words(place, *words)), place, failing=False)
    found = numbers(place.runs)
    if {name: found.get(name) for name in expected} != expected:
        row.wrong += 1
        row.notes.append(f"wrong: of {sorted(expected)} there are {sorted(found)}")
    yield row


def dead_helpers(stage: Stage, times: int) -> Iterator[Row]:
    """The process that tracks resources of workers is killed while they decode images.

    A new one takes its place and prints tracebacks of its own, which are not judged.
    """
    expected = numbers(stage.undisturbed(*METHODS).runs)
    row = Row("helper process of the workers killed")
    for number in range(times):
        place = stage.place()
        words = run_words(place, *METHODS)
        called = stage.call(place, words, ("kill_the_tracker", {"after": 1 + number}))
        _hear_result(row, called, place, failing=False)
        row.look(place, expected, expected)
        row.again(stage, place, words, expected)
    yield row


def _hear_result(row: Row, called: Called, place: Place, *, failing: bool) -> None:
    """Judge a command that must end with exit code 1, or with 0."""
    messages = [line for line in called.err.splitlines() if line.startswith(("error", "warning"))]
    row.hear(called._replace(err="".join(f"{line}\n" for line in messages)), place)
    if called.code != failing:
        row.lost += 1
        row.notes.append(f"lost: ended with {called.code}: {called.err[-300:]}")
