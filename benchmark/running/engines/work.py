"""The tasks of workers, for every engine: extract the features of a column, compute a cell."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def find_outcomes(runner: Runner, cells: Sequence[Cell]) -> tuple[dict[int, Outcome], list[int]]:
    """The outcomes of the cells that are recorded already, by number, and the other numbers."""
    found = {n: outcome for n, cell in enumerate(cells) if (outcome := runner.find_outcome(cell))}
    return found, [n for n in range(len(cells)) if n not in found]


def collect(
    runner: Runner,
    cells: Sequence[Cell],
    outcomes: dict[int, Outcome],
    results: Callable[[], Iterable[tuple[int, Done | str]]],
) -> list[Outcome]:
    """Add what workers compute to the outcomes, and return all in the order of the cells.

    Args:
        outcomes: those that are recorded already, by number of the cell.
        results: starts the tasks of the other cells, and gives the number of each with its result
            or the reason for its failure. Called here, so that an error here ends them at once.

    Raises:
        CellsFailed: at the end, if some cells could not be computed.
    """
    failed: list[tuple[Cell, str]] = []
    kinds = [cell.kind for n, cell in enumerate(cells) if n not in outcomes]
    with runner.reporter.task("cells", len(kinds), "cells", kinds) as task:
        for n, result in results():
            cell, seconds = cells[n], 0.0
            if isinstance(result, str):
                runner.reporter.warn(f"{cell.label()}: {result}")
                failed.append((cell, result))
            else:
                result.messages.repeat(runner.reporter)
                record = load_record(record_dir(runner.out, cell.as_dict()))
                outcomes[n] = Outcome(cell, record, result.reused)
                seconds = 0.0 if result.reused else float(record.run["seconds"]["total"])
            task.advance(kind=cell.kind, seconds=seconds)
    if failed:
        raise CellsFailed(failed, [outcomes[n] for n in sorted(outcomes)])
    return [outcomes[n] for n in range(len(cells))]


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
