"""`--jobs N`: computing the cells of a run in N processes on this machine."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ...system.processes import available_cores, map_in_processes
from ..cell import Cell
from ..runner import Outcome, Runner
from .work import Done, Job, compute, computed_seconds, load_outcome, make_job


def run_in_processes(runner: Runner, cells: Sequence[Cell], jobs: int) -> list[Outcome]:
    """Return the record of every cell, computing the missing ones in worker processes.

    Features are extracted first, in this process. The first failure ends the run, as it does in one
    process; finished cells are kept.

    Args:
        jobs: number of processes.
    """
    outcomes = {n: found for n, cell in enumerate(cells) if (found := runner.find_outcome(cell))}
    missing = [n for n in range(len(cells)) if n not in outcomes]
    for cell in {cells[n].feature_inputs: cells[n] for n in missing}.values():
        runner.inputs.extract(cell, runner.inputs.images(cell).columns)
    job = make_job(runner, uuid.uuid4().hex, max(1, available_cores() // jobs))
    tasks = [(job, cells[n].as_dict(), cells[n].swept) for n in missing]
    kinds = [cells[n].kind for n in missing]
    with runner.reporter.task("cells", len(missing), "cells", kinds) as task:
        for n, done in zip(
            missing, map_in_processes(_compute, tasks, workers=jobs, required=True), strict=True
        ):
            done.messages.repeat(runner.reporter)
            outcomes[n] = load_outcome(runner, cells[n], done)
            task.advance(kind=cells[n].kind, seconds=computed_seconds(outcomes[n]))
    return [outcomes[n] for n in range(len(cells))]


def _compute(task: tuple[Job, Mapping[str, Any], tuple[str, ...]]) -> Done:
    from loky import process_executor

    # Loky would take the shared caches for a memory leak and restart the worker.
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    return compute(*task)
