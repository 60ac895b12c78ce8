"""Two users share a cache and a folder of runs: every answer is right, or one clear line."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.stage import METHODS, ONE, Called, Fault, Place, Stage, numbers, run_words
from tests.faults.verdict import Row

FIRST, SECOND, GROUP = 61001, 61002, 61000
UMASKS = (0o077, 0o022, 0o002)
"""Private; readable; and writable by the group, where the second user must succeed."""

READING = (["table"], ["show", "mecad"], ["leaderboard"], ["runs", "ls"], ["runs", "du"])


def two_users(stage: Stage) -> Iterator[Row]:
    """The second user runs, resumes, reads, writes and deletes what the first has left."""
    expected = numbers(stage.undisturbed(*METHODS).runs)
    for umask in UMASKS:
        row = Row(f"two users, umask {umask:03o}")
        shared = umask == 0o002
        first, second = _user(FIRST, umask), _user(SECOND, umask)

        place = _shared_place(stage)
        words = run_words(place, *METHODS)
        _well(row, stage.call(place, words, first), place)
        row.hear(called := stage.call(place, words, second), place)
        _must(row, called, shared or umask == 0o022)  # all is there, and only has to be read
        for reading in READING:
            called = stage.call(place, [*reading, "--out", place.runs], second)
            row.hear(called, place)
            _must(row, called, shared or umask == 0o022)
        mine = place.folder / "mine"
        for writing in (
            [*run_words(place, *ONE)[:-4], *ONE],
            [*words[: -len(METHODS)], "--out", str(mine), *METHODS],
            ["export", "all", "--to", f"{mine}.zip"],
            ["leaderboard", "--publish", f"{mine}-board"],
            ["figure", "matrix", "--to", f"{mine}"],
            ["runs", "rm", "mecad", "--yes"],
            ["cache", "size"],
            ["cache", "prune", "--max-size", "1MB", "--yes"],
        ):
            out = [] if writing[0] in ("run", "cache") else ["--out", place.runs]
            called = stage.call(place, [*writing, *out], second)
            row.hear(called, place)
        row.look(place, {**expected, **_other(stage)})
        _well(row, stage.call(place, words, first), place, counted=False)
        row.look(place, {**expected, **_other(stage)}, expected)

        for phase in ("extract", "observe", "checkpoint", "record"):
            place = _shared_place(stage)
            words = run_words(place, *METHODS)
            kill: Fault = ("kill_at", {"phase": phase, "number": 40, "moves": False})
            row.hear(stage.call(place, words, first, kill), place, counted=False)
            called = stage.call(place, words, second)
            row.hear(called, place)
            if shared:
                _must(row, called, True)
            row.look(place, expected)
            _well(row, stage.call(place, words, first), place, counted=False)
            row.look(place, expected, expected)
        yield row


def _user(number: int, umask: int) -> Fault:
    return ("become", {"user": number, "group": GROUP, "umask": umask})


def _shared_place(stage: Stage) -> Place:
    """Folders of a try that both users may enter and change."""
    place = stage.place()
    place.folder.chmod(0o777)
    return place


def _other(stage: Stage) -> dict[str, dict[str, bytes]]:
    return numbers(stage.undisturbed(*ONE).runs)


def _well(row: Row, called: Called, place: Place, *, counted: bool = True) -> None:
    row.hear(called, place, counted=counted)
    _must(row, called, True)


def _must(row: Row, called: Called, succeed: bool) -> None:
    if succeed and called.code != 0:
        row.lost += 1
        row.notes.append(f"lost: ended with {called.code}: {called.err[-500:]}")
