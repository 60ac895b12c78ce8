"""`--jobs N`: computing the cells of a run in N processes on this machine."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...system.processes import available_cores, map_in_processes
from ..cell import Cell
from ..runner import Outcome, Runner
from .work import Done, Job, collect, compute, find_outcomes, make_job


def run_in_processes(runner: Runner, cells: Sequence[Cell], jobs: int) -> list[Outcome]:
    """Return the record of every cell, computing the missing ones in worker processes.

    Features are extracted first, in this process. The first failure ends the run, as it does in one
    process; finished cells are kept.

    Args:
        jobs: number of processes.
    """
    outcomes, missing = find_outcomes(runner, cells)
    for cell in {cells[n].feature_inputs: cells[n] for n in missing}.values():
        runner.inputs.extract(cell, runner.inputs.images(cell).columns)
    job = make_job(runner, uuid.uuid4().hex, max(1, available_cores() // jobs))
    todo = [(job, cells[n].as_dict(), cells[n].swept) for n in missing]

    def results() -> Iterator[tuple[int, Done]]:
        done = map_in_processes(_compute, todo, workers=jobs, required=True)
        return zip(missing, done, strict=True)

    return collect(runner, cells, outcomes, results)


def _compute(task: tuple[Job, Mapping[str, Any], tuple[str, ...]]) -> Done:
    from loky import process_executor

    # Loky would take the shared caches for a memory leak and restart the worker.
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    return compute(*task)
