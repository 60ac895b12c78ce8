"""What a worker of any engine does: a category's features, or a cell, and what it had to say."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....results.errors import CadbenchError
from ....results.records.record import load_record
from ....results.records.store import record_dir
from ...system.processes import limit_cores
from ...system.reporting import Reporter, Silent
from ..cell import Cell
from ..runner import Outcome, Runner


@dataclass
class Notes(Silent):
    """A reporter that keeps what is said, (how, text) each, to be said again elsewhere."""

    said: list[tuple[str, str]] = field(default_factory=list)

    def line(self, text: str) -> None:
        self.said.append(("line", text))

    def detail(self, text: str) -> None:
        self.said.append(("detail", text))

    def warn(self, text: str) -> None:
        self.said.append(("warn", text))

    def repeat(self, reporter: Reporter) -> None:
        """Say it all to `reporter`."""
        for how, text in self.said:
            getattr(reporter, how)(text)


@dataclass(frozen=True)
class Shared:
    """What all tasks of a run share: its runner, a name for it, and the cores that a task has.

    folder: where `package.module:Class` is looked for after all else, if it is there.
    """

    runner: Runner
    name: str
    cores: int
    folder: str


@dataclass(frozen=True)
class Done:
    """What comes back: the record itself lies where all can read it."""

    notes: Notes
    reused: bool = False


_held: dict[str, Runner] = {}
"""The runner of each run that this process works for: what its cells share is in memory here."""


def shared_by(runner: Runner, name: str, cores: int) -> Shared:
    """What to send to workers, whose current folder may be another."""
    bare = dataclasses.replace(
        runner,
        out=runner.out.absolute(),
        cache=runner.cache.absolute(),
        weights=dataclasses.replace(
            runner.weights, file=runner.weights.file and runner.weights.file.absolute()
        ),
        reporter=Silent(),
        _features={},
        _services={},
        _meters={},
        _drifted={},
    )
    return Shared(bare, name, cores, os.getcwd())


def extract(shared: Shared, cell: Mapping[str, Any], column: str) -> Done:
    """The features of a column of the matrix, and its images where the cell's method wants them."""
    runner, notes = _at_work(shared)
    runner.extract(Cell.from_dict(cell), [column])
    return Done(notes)


def compute(shared: Shared, cell: Mapping[str, Any]) -> Done:
    """The record of a cell; what another worker left unfinished is gone on with."""
    runner, notes = _at_work(shared)
    (outcome,) = runner.run([Cell.from_dict(cell)])
    return Done(notes, outcome.reused)


def _at_work(shared: Shared) -> tuple[Runner, Notes]:
    import torch

    if shared.folder not in sys.path:
        sys.path.append(shared.folder)
    limit_cores(shared.cores)
    torch.set_num_threads(shared.cores)
    runner = _held.setdefault(shared.name, shared.runner)
    notes = runner.reporter = Notes()
    return runner, notes


def collected(runner: Runner, cell: Cell, done: Done) -> Outcome:
    """The outcome of a cell that a worker has recorded."""
    record = load_record(record_dir(runner.out, cell.as_dict()))
    return Outcome(cell, record, done.reused)


class CellsFailed(CadbenchError):
    """Some cells could not be computed; `outcomes` are those that could."""

    def __init__(self, failed: Sequence[tuple[Cell, str]], outcomes: Sequence[Outcome]) -> None:
        self.outcomes = list(outcomes)
        reasons: dict[str, list[str]] = {}
        for cell, reason in failed:
            reasons.setdefault(reason, []).append(cell.label())
        told = "; ".join(f"{', '.join(labels)}: {why}" for why, labels in reasons.items())
        super().__init__(
            f"{len(failed)} of {len(failed) + len(outcomes)} cells failed: {told}; the others are "
            "recorded, and the same command computes what is missing"
        )
