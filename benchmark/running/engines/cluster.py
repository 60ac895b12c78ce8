"""`--engine ray`: Ray tasks that each extract one category or compute one cell, with retries.

Only task descriptions and messages go through Ray. Features and records are files on a path that
all nodes share, written atomically, so a killed task damages none of them.
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
from .work import CellsFailed, Done, computed_seconds, load_outcome, make_job

TRIES = 4
"""Attempts per task when its worker or node dies."""

_TIMEOUT = 10.0
"""Seconds to connect, and for interrupted tasks to end before they are killed."""


@dataclass(frozen=True)
class Resources:
    """What Ray reserves.

    Attributes:
        cpus: CPUs per task.
        gpus: GPUs per task.
        jobs: largest number of tasks at once; None for all that fit.
    """

    cpus: int = 2
    gpus: float = 0.0
    jobs: int | None = None


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster.

    Attributes:
        address: address in Ray's form; None is RAY_ADDRESS, or a new cluster on this machine.
        resources: what each task gets.
    """

    address: str | None
    resources: Resources

    def run(self, runner: Runner, cells: Sequence[Cell]) -> list[Outcome]:
        """Return the record of every cell, computing the missing ones on the cluster.

        Raises:
            CellsFailed: at the end, if some cells could not be computed.
        """
        outcomes = {
            n: found for n, cell in enumerate(cells) if (found := runner.find_outcome(cell))
        }
        missing = [n for n in range(len(cells)) if n not in outcomes]
        failed: list[tuple[Cell, str]] = []
        if missing:
            with _connect(self.address, self.resources) as ray:
                name = uuid.uuid4().hex
                shared = ray.put(make_job(runner, name, self.resources.cpus))
                self._extract(ray, shared, runner, [cells[n] for n in missing])
                tasks = [(shared, cells[n].as_dict(), cells[n].swept) for n in missing]
                kinds = [cells[n].kind for n in missing]
                with runner.reporter.task("cells", len(tasks), "cells", kinds) as bar:
                    for number, result in self._results(ray, work.compute, tasks):
                        cell, seconds = cells[missing[number]], 0.0
                        if isinstance(result, str):
                            runner.reporter.warn(f"{cell.label()}: {result}")
                            failed.append((cell, result))
                        else:
                            result.messages.repeat(runner.reporter)
                            outcome = load_outcome(runner, cell, result)
                            outcomes[missing[number]] = outcome
                            seconds = computed_seconds(outcome)
                        bar.advance(kind=cell.kind, seconds=seconds)
        if failed:
            raise CellsFailed(failed, [outcomes[n] for n in sorted(outcomes)])
        return [outcomes[n] for n in range(len(cells))]

    def _extract(self, ray: Any, shared: Any, runner: Runner, cells: Sequence[Cell]) -> None:
        """Extract the features of all cells before any cell needs them, one column per task."""
        kinds = {cell.feature_inputs: cell for cell in cells}.values()
        tasks = [
            (shared, kind.as_dict(), column)
            for kind in kinds
            for column in runner.inputs.images(kind).columns
        ]
        with runner.reporter.task("features", len(tasks), "categories") as bar:
            for number, result in self._results(ray, work.extract, tasks):
                if isinstance(result, str):
                    raise CadbenchError(f"features of {tasks[number][2]}: {result}")
                result.messages.repeat(runner.reporter)
                bar.advance()

    def _results(
        self, ray: Any, function: Any, tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Done | str]]:
        """Run tasks, and yield the number of each with its result or the reason for its failure.

        Args:
            ray: the connected module.
            function: the remote function that each task calls.
            tasks: arguments of each task.
        """
        remote = ray.remote(
            num_cpus=self.resources.cpus,
            num_gpus=self.resources.gpus,
            max_retries=TRIES - 1,
            retry_exceptions=False,
        )(function)
        waiting = list(range(len(tasks)))[::-1]
        running: dict[Any, int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < (self.resources.jobs or len(tasks)):
                    number = waiting.pop()
                    running[remote.remote(*tasks[number])] = number
                (ready, *_), _ = ray.wait(list(running))
                number = running.pop(ready)
                yield number, _result(ray, ready)
        finally:
            _stop(ray, list(running))


def _result(ray: Any, reference: Any) -> Done | str:
    """The result of a finished task, or the reason for its failure."""
    try:
        done: Done = ray.get(reference)
        return done
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, CadbenchError):
            return str(cause)
        return " ".join(f"internal error: {type(cause).__name__}: {cause}".split())
    except ray.exceptions.OutOfMemoryError:
        return "its node has too little memory; raise --cell-cpus so that fewer tasks share a node"
    except ray.exceptions.RayError as error:
        return f"its worker or node died {TRIES} times ({type(error).__name__})"


def _stop(ray: Any, running: Sequence[Any]) -> None:
    """Interrupt tasks, so that they release their locks; kill those that do not end in time."""
    if not running:
        return
    for force in (False, True):
        for reference in running:
            with contextlib.suppress(Exception):  # the task may have just ended
                ray.cancel(reference, force=force)
        _, left = ray.wait(list(running), num_returns=len(running), timeout=_TIMEOUT)
        if not left:
            return


@contextlib.contextmanager
def _connect(address: str | None, resources: Resources) -> Iterator[Any]:
    # Without this Ray reports usage statistics over the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    named = address or os.environ.get("RAY_ADDRESS")
    try:
        _check_listening(named)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises many types here
        first = str(error).strip().split("\n")[0]
        raise CadbenchError(
            f"no Ray cluster at {named or 'this machine'}: {first}; start one with "
            "`ray start --head`, or leave out --address"
        ) from error
    try:
        _check_resources(ray, resources)
        yield ray
    finally:
        ray.shutdown()


def _check_listening(address: str | None) -> None:
    """Raise `OSError` if nothing listens at the address: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _TIMEOUT).close()


def _check_resources(ray: Any, resources: Resources) -> None:
    """Raise `UsageError` if no node has the resources: Ray would wait for them forever."""
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
