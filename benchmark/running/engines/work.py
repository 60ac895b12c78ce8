"""The tasks of workers, for every engine: extract the features of a column, compute a cell."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....results.counts import format_count
from ....results.errors import CadbenchError
from ....results.records.record import load_record
from ....results.records.store import record_dir
from ...plugins.methods import set_reference_folder
from ...system.processes import limit_cores
from ...system.reporting import Reporter, Silent
from ..cell import Cell
from ..runner import Outcome, Runner


@dataclass
class Messages(Silent):
    """A reporter that stores messages, to repeat them in another process.

    Attributes:
        stored: (name of the reporter's method, text) of each message.
    """

    stored: list[tuple[str, str]] = field(default_factory=list)

    def line(self, text: str) -> None:
        self.stored.append(("line", text))

    def detail(self, text: str) -> None:
        self.stored.append(("detail", text))

    def warn(self, text: str) -> None:
        self.stored.append(("warn", text))

    def repeat(self, reporter: Reporter) -> None:
        """Send all messages to `reporter`."""
        for method, text in self.stored:
            getattr(reporter, method)(text)


@dataclass(frozen=True)
class Job:
    """What all tasks of a run share.

    Attributes:
        runner: the runner, without its caches.
        cores: number of cores per task.
        folder: current folder of the command, where `package.module:Class` is looked up.
    """

    runner: Runner
    name: str
    cores: int
    folder: str


@dataclass(frozen=True)
class Done:
    """What a task returns; features and records are files that all processes can read.

    Attributes:
        messages: messages to repeat in the process of the command.
        reused: whether the record existed already.
    """

    messages: Messages
    reused: bool = False


_runners: dict[str, Runner] = {}
"""The runner of each run that this process works for, which holds the caches that cells share."""


def make_job(runner: Runner, name: str, cores: int) -> Job:
    """Make the job to send to workers. Its paths are absolute: their current folder may differ.

    Args:
        runner: the runner of the command.
        cores: number of cores per task.
    """
    weights = runner.inputs.weights
    inputs = dataclasses.replace(
        runner.inputs,
        cache=runner.inputs.cache.absolute(),
        weights=dataclasses.replace(weights, file=weights.file and weights.file.absolute()),
        reporter=Silent(),
    )
    copy = dataclasses.replace(
        runner, inputs=inputs, out=runner.out.absolute(), reporter=Silent(), callbacks=()
    )
    return Job(copy, name, cores, os.getcwd())


def extract(job: Job, cell: Mapping[str, Any], column: str) -> Done:
    """Extract the features of a column of R, and its images if the cell's method needs them."""
    runner, messages = _start(job)
    runner.inputs.extract(Cell.from_dict(cell), [column])
    return Done(messages)


def compute(job: Job, cell: Mapping[str, Any], swept: tuple[str, ...]) -> Done:
    """Compute a cell and write its record; work that another worker left unfinished is resumed.

    Args:
        job: what all tasks of the run share.
        cell: the cell, as JSON values.
        swept: `Cell.swept`, which its JSON values lack.
    """
    runner, messages = _start(job)
    (outcome,) = runner.run([dataclasses.replace(Cell.from_dict(cell), swept=swept)])
    return Done(messages, outcome.reused)


def load_outcome(runner: Runner, cell: Cell, done: Done) -> Outcome:
    """Load the record of a cell that a worker has computed."""
    record = load_record(record_dir(runner.out, cell.as_dict()))
    return Outcome(cell, record, done.reused)


def computed_seconds(outcome: Outcome) -> float:
    """Seconds that the cell took to compute; 0 if its record existed already."""
    return 0.0 if outcome.reused else float(outcome.record.run["seconds"]["total"])


def _start(job: Job) -> tuple[Runner, Messages]:
    """Prepare this process for a task."""
    import torch

    set_reference_folder(Path(job.folder))
    limit_cores(job.cores)
    torch.set_num_threads(job.cores)
    runner = _runners.setdefault(job.name, job.runner)
    messages = Messages()
    runner.reporter = runner.inputs.reporter = messages
    return runner, messages


class CellsFailed(CadbenchError):
    """Some cells could not be computed; `outcomes` are those that could."""

    def __init__(self, failed: Sequence[tuple[Cell, str]], outcomes: Sequence[Outcome]) -> None:
        self.outcomes = list(outcomes)
        reasons: dict[str, list[str]] = {}
        for cell, reason in failed:
            reasons.setdefault(reason, []).append(cell.label())
        details = "; ".join(f"{', '.join(labels)}: {why}" for why, labels in reasons.items())
        total = format_count(len(failed) + len(outcomes), "cell")
        super().__init__(
            f"{len(failed)} of {total} failed: {details}; the others "
            "are recorded, and the same command computes what is missing"
        )
