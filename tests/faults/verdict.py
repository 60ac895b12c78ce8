"""Judging what a fault did: what was lost, what is wrong, what was said unclearly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.phases import redone
from tests.faults.stage import Called, Numbers, Place, Stage, numbers

KILLED = (-9, -25)
"""SIGKILL, and SIGXFSZ for a write beyond the limit."""

_ERROR = re.compile(r"(cadbench[a-z -]*: )?error: ")


@dataclass
class Row:
    """A fault and what became of the tries.

    lost: finished work was gone, or the same command did not finish afterwards; wrong: a number
    differs from the undisturbed run; unclear: a traceback, an internal error, an exit code besides
    0, 1 and 2, or not one line of error; unharmed: tries that ended well at once.
    """

    fault: str
    tried: int = 0
    lost: int = 0
    wrong: int = 0
    unclear: int = 0
    unharmed: int = 0
    kills: int = 0
    said: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.wrong or self.unclear)

    def hear(self, called: Called, place: Place, named: str = "", *, counted: bool = True) -> None:
        """Judge how a command ended under a fault; `named` is to be in its error or warning.

        counted: whether it is a try of its own.
        """
        self.tried += counted
        lines = called.err.splitlines()
        # A list of choices below an error is indented.
        rest = [line for line in lines if not line.startswith(("warning: ", "  "))]
        if all("is left out: " in line for line in rest):
            rest = rest[:1]  # an import names each record that is refused
        bad = "Traceback" in called.err or "internal error" in called.err
        if called.code in KILLED:
            self.kills += 1
            bad |= bool(rest)
        elif called.code == 0:
            self.unharmed += counted
            bad |= bool(rest)
        else:
            bad |= called.code not in (1, 2) or len(rest) != 1 or not _ERROR.match(rest[0])
        if not bad and named and called.code >= 0 and named not in called.err:
            bad = True
            self.notes.append(f"unclear: {named} is not named")
        if bad:
            self.unclear += 1
            self.notes.append(f"unclear ({called.code}): {called.err[-1500:]}")
        for line in rest[:1] if called.code > 0 else ():
            text = re.sub(r"[0-9a-f]{12,}", "#", line.replace(str(place.folder), ""))
            self.said[text] = self.said.get(text, 0) + 1

    def look(self, place: Place, expected: Numbers, kept: Iterable[str] = ()) -> None:
        """Records that are there must say what they should, and those `kept` must be there."""
        found = numbers(place.runs)
        self._differ(found, expected)
        if gone := set(kept) - found.keys():
            self.lost += 1
            self.notes.append(f"lost: {sorted(gone)} of {place.folder.name}")

    def again(
        self,
        stage: Stage,
        place: Place,
        words: Sequence[object],
        expected: Numbers,
        *,
        anew: bool = False,
    ) -> None:
        """The same command without the fault must end well; anew: finished work may be repeated."""
        called = stage.call(place, words)
        found = numbers(place.runs)
        done = called.code == 0 and "error" not in called.err
        twice = [] if anew or not place.ledger.exists() else redone(place.ledger.read_text())
        left = [] if not place.runs.exists() else [*place.runs.rglob("*.partial")]
        if not done or expected.keys() - found.keys() or twice or left:
            self.lost += 1
            self.notes.append(f"lost: then {called.code} {called.err[-800:]} {twice} {left}")
        self._differ(found, expected)

    def _differ(self, found: Numbers, expected: Numbers) -> None:
        for name, files in found.items():
            if files != expected.get(name):
                self.wrong += 1
                there = expected.get(name, {})
                which = [file for file in files.keys() | there.keys()
                         if files.get(file) != there.get(file)]  # fmt: skip
                self.notes.append(f"wrong: {name} differs in {which}")


def table(rows: Sequence[Row]) -> str:
    """The campaign as Markdown."""
    heads = ("fault", "tried", "lost", "wrong", "unclear message", "unharmed")
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * 5 + "|"]
    for row in rows:
        cells = (row.tried, row.lost, row.wrong, row.unclear, row.unharmed)
        lines.append(f"| {row.fault} | " + " | ".join(map(str, cells)) + " |")
    sums = [sum(getattr(row, name) for row in rows)
            for name in ("tried", "lost", "wrong", "unclear", "unharmed")]  # fmt: skip
    lines.append("| **all** | " + " | ".join(map(str, sums)) + " |")
    return "\n".join(lines)
