"""`--jobs N`: the cells of a run in N processes on this machine."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ...system.processes import available_cores, map_in_processes
from ..cell import Cell
from ..runner import Outcome, Runner
from .work import Done, Shared, collected, compute, shared_by


def run_in_processes(runner: Runner, cells: Sequence[Cell], jobs: int) -> list[Outcome]:
    """The record of every cell, `jobs` at a time; features are extracted here before.

    The first failure ends the run, as it does in one process; what is finished is kept.
    """
    outcomes = {n: found for n, cell in enumerate(cells) if (found := runner.recorded(cell))}
    missing = [n for n in range(len(cells)) if n not in outcomes]
    for cell in {cells[n].material: cells[n] for n in missing}.values():
        runner.extract(cell, runner.images(cell).columns)
    shared = shared_by(runner, uuid.uuid4().hex, max(1, available_cores() // jobs))
    work = [(shared, cells[n].as_dict()) for n in missing]
    with runner.reporter.task("cells", len(missing), "cells") as task:
        for n, done in zip(missing, map_in_processes(_compute, work, workers=jobs), strict=True):
            done.notes.repeat(runner.reporter)
            outcomes[n] = collected(runner, cells[n], done)
            task.advance()
    return [outcomes[n] for n in range(len(cells))]


def _compute(work: tuple[Shared, Mapping[str, Any]]) -> Done:
    from loky import process_executor

    # It would take what cells share in memory for a leak, and begin the worker anew.
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    return compute(*work)
