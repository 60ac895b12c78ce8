"""Outcomes of `cadbench check` that a board shows: one JSON file per method."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..storage.files import write_bytes
from ..validation import convert, parse_json
from .board_file import read_bytes

BADGES = {
    "deterministic": ("determinism", "random_state", "state"),
    "batch-independent": ("test_order", "inferred"),
    "memory": ("memory",),
    "no leak": ("leakage",),
}
"""Badge -> the checks behind it."""
NOTE = (
    "checks: ✓ `cadbench check` finds the method deterministic, the score of an image independent "
    "of the batch, the reported memory honest, and no leak; else what is not so; – not checked in "
    "this version"
)


@dataclass(frozen=True)
class Checked:
    """The outcomes of all checks of one version of a method."""

    method: str
    version: str
    cadbench: str
    outcomes: dict[str, Literal["passed", "failed", "skipped"]]

    @property
    def badge(self) -> str:
        """`✓`, or the badges that the method lacks."""
        found = {
            name: {self.outcomes.get(check, "skipped") for check in checks} - {"skipped"}
            for name, checks in BADGES.items()
        }
        lacks = [name for name, outcomes in found.items() if outcomes != {"passed"}]
        return f"not {', '.join(lacks)}" if lacks else "✓"


def write_checked(checked: Checked, folder: Path) -> Path:
    """Write the outcomes into the folder of a board, and return the file."""
    file = folder / "checks" / f"{re.sub(r'[^A-Za-z0-9._+-]', '_', checked.method)}.json"
    write_bytes(file, json.dumps(dataclasses.asdict(checked), indent=1).encode() + b"\n")
    return file


def read_badges(folder: Path) -> dict[tuple[str, str], str]:
    """(method, version) -> badge; raise `UsageError` if a file is damaged."""
    found = {}
    for file in sorted((folder / "checks").glob("*.json")):
        checked = convert(parse_json(read_bytes(file), str(file)), Checked, str(file))
        found[checked.method, checked.version] = checked.badge
    return found
