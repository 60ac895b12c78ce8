"""`--engine ray`: a category's features, then a cell, is a Ray task; what dies is tried again.

Nothing goes through Ray but the orders and what workers have to say: features and records lie on
a path that all nodes share, written as everywhere, so a task that is killed harms none of them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....results.errors import CadbenchError, UsageError
from ..cell import Cell
from ..runner import Outcome, Runner
from . import work
from .work import CellsFailed, Done, collected, shared_by

TRIES = 4
"""How often a task is begun at most, where its worker or node keeps dying."""

_PATIENCE = 10.0
"""Seconds for interrupted tasks to end by themselves before they are killed."""


@dataclass(frozen=True)
class Resources:
    """What Ray sets aside for a task, and how many run at once at most (None: all that fit)."""

    cpus: int = 2
    gpus: float = 0.0
    jobs: int | None = None


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster: `address` as Ray takes it; None is RAY_ADDRESS, or one on this machine."""

    address: str | None
    resources: Resources

    def run(self, runner: Runner, cells: Sequence[Cell]) -> list[Outcome]:
        """The record of every cell. Raises `CellsFailed` at the end, once the others are done."""
        outcomes = {n: found for n, cell in enumerate(cells) if (found := runner.recorded(cell))}
        missing = [n for n in range(len(cells)) if n not in outcomes]
        failed: list[tuple[Cell, str]] = []
        if missing:
            with _connected(self.address, self.resources) as ray:
                name = uuid.uuid4().hex
                shared = ray.put(shared_by(runner, name, self.resources.cpus))
                self._extract(ray, shared, runner, [cells[n] for n in missing])
                jobs = [(shared, cells[n].as_dict()) for n in missing]
                with runner.reporter.task("cells", len(jobs), "cells") as task:
                    for job, result in self._results(ray, work.compute, jobs):
                        cell = cells[missing[job]]
                        if isinstance(result, str):
                            runner.reporter.warn(f"{cell.label()}: {result}")
                            failed.append((cell, result))
                        else:
                            result.notes.repeat(runner.reporter)
                            outcomes[missing[job]] = collected(runner, cell, result)
                        task.advance()
        if failed:
            raise CellsFailed(failed, [outcomes[n] for n in sorted(outcomes)])
        return [outcomes[n] for n in range(len(cells))]

    def _extract(self, ray: Any, shared: Any, runner: Runner, cells: Sequence[Cell]) -> None:
        """The features of all cells, a category a task, before any cell needs them."""
        kinds = {cell.material: cell for cell in cells}.values()
        jobs = [(shared, kind.as_dict(), c) for kind in kinds for c in runner.images(kind).columns]
        with runner.reporter.task("features", len(jobs), "categories") as task:
            for job, result in self._results(ray, work.extract, jobs):
                if isinstance(result, str):
                    raise CadbenchError(f"features of {jobs[job][2]}: {result}")
                result.notes.repeat(runner.reporter)
                task.advance()

    def _results(
        self, ray: Any, function: Any, jobs: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Done | str]]:
        """(number of the job, its result or why there is none), as they come."""
        task = ray.remote(
            num_cpus=self.resources.cpus,
            num_gpus=self.resources.gpus,
            max_retries=TRIES - 1,
            retry_exceptions=False,
        )(function)
        waiting = list(range(len(jobs)))[::-1]
        running: dict[Any, int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < (self.resources.jobs or len(jobs)):
                    job = waiting.pop()
                    running[task.remote(*jobs[job])] = job
                (ready, *_), _ = ray.wait(list(running))
                job = running.pop(ready)
                yield job, _result(ray, ready)
        finally:
            _stop(ray, list(running))


def _result(ray: Any, reference: Any) -> Done | str:
    try:
        done: Done = ray.get(reference)
        return done
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, CadbenchError):
            return str(cause)
        return " ".join(f"internal error: {type(cause).__name__}: {cause}".split())
    except ray.exceptions.OutOfMemoryError:
        return "its node has too little memory; fewer tasks fit a node with a higher --cell-cpus"
    except ray.exceptions.RayError as error:
        return f"its worker or node died {TRIES} times ({type(error).__name__})"


def _stop(ray: Any, running: Sequence[Any]) -> None:
    """End tasks: they let go of their records as at Ctrl-C, or are killed after a while."""
    if not running:
        return
    for force in (False, True):
        for reference in running:
            with contextlib.suppress(Exception):  # one that has just ended
                ray.cancel(reference, force=force)
        _, left = ray.wait(list(running), num_returns=len(running), timeout=_PATIENCE)
        if not left:
            return


@contextlib.contextmanager
def _connected(address: str | None, resources: Resources) -> Iterator[Any]:
    # Ray would report its use over the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    named = address or os.environ.get("RAY_ADDRESS")
    try:
        _require_answer(named)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray has no one kind for this
        first = str(error).strip().split("\n")[0]
        raise CadbenchError(
            f"no Ray cluster at {named or 'this machine'}: {first}; start one with "
            "`ray start --head`, or leave out --address"
        ) from error
    try:
        _require(ray, resources)
        yield ray
    finally:
        ray.shutdown()


def _require_answer(address: str | None) -> None:
    """Raise `OSError` where nothing listens: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _PATIENCE).close()


def _require(ray: Any, resources: Resources) -> None:
    """Refuse what no node has, which Ray would wait for without end."""
    nodes: list[Mapping[str, float]] = [n["Resources"] for n in ray.nodes() if n["Alive"]]
    if not any(
        n.get("CPU", 0) >= resources.cpus and n.get("GPU", 0) >= resources.gpus for n in nodes
    ):
        largest = max(nodes, key=lambda n: (n.get("GPU", 0), n.get("CPU", 0)), default={})
        raise UsageError(
            f"no node of the Ray cluster has {resources.cpus} CPUs and {resources.gpus:g} GPUs; "
            f"the largest has {largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; lower "
            "--cell-cpus or --cell-gpus"
        )
