"""`--engine ray`: Ray tasks that each extract one category or compute one cell, with retries.

Only task descriptions and messages go through Ray. Features and records are files on a path that
all nodes share, written atomically, so a killed task damages none of them.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from ....results.errors import CadbenchError, UsageError
from ...system.reporting import Reporter
from ..cell import Cell
from ..runner import Outcome, Runner
from . import work
from .cluster_health import (
    ConnectionLost,
    Health,
    Resources,
    is_listening,
    last_words,
    messages_of_ray,
)
from .node_software import check_software, make_task, own_software
from .work import Done, collect, find_outcomes, make_job

TRIES = 4
"""Attempts per task when its worker or node dies."""

_TIMEOUT = 10.0
"""Seconds to connect, and for interrupted tasks to end before they are killed."""

_NODE_DIED = (
    "the Ray node on this machine died or was stopped; finished work is kept: start Ray again and "
    "run the same command again"
)

_POLL = 2.0
"""Seconds to wait for a result before the cluster is checked."""


def run_on_cluster(
    runner: Runner, cells: Sequence[Cell], address: str | None, resources: Resources
) -> list[Outcome]:
    """Return the record of every cell, computing the missing ones on a Ray cluster.

    Args:
        address: address in Ray's form; None is RAY_ADDRESS, or a new cluster on this machine.
        resources: what each task gets.

    Raises:
        CellsFailed: at the end, if some cells could not be computed.
    """
    outcomes, missing = find_outcomes(runner, cells)
    if not missing:
        return [outcomes[n] for n in range(len(cells))]
    with _connect(address, resources, runner.reporter) as ray:
        # In a list, so that a node checks its software before it unpacks the job.
        shared = [ray.put(make_job(runner, uuid.uuid4().hex, resources.cpus))]
        tasks = Tasks(ray, resources, runner.reporter)
        _extract(tasks, shared, runner, [cells[n] for n in missing])
        todo = {n: (shared, cells[n].as_dict(), cells[n].swept) for n in missing}
        return collect(runner, cells, outcomes, lambda: tasks.results(work.compute, todo))


def _extract(tasks: Tasks, shared: Any, runner: Runner, cells: Sequence[Cell]) -> None:
    """Extract the features of all cells before any cell needs them, one column per task."""
    kinds = {cell.feature_inputs: cell for cell in cells}.values()
    todo = [
        (shared, kind.as_dict(), column)
        for kind in kinds
        for column in runner.inputs.images(kind).columns
    ]
    with runner.reporter.task("features", len(todo), "categories") as bar:
        for number, result in tasks.results(work.extract, dict(enumerate(todo))):
            if isinstance(result, str):
                raise CadbenchError(f"features of {todo[number][2]}: {result}")
            result.messages.repeat(runner.reporter)
            bar.advance()


class Tasks:
    """The tasks of a run on a connected cluster.

    Args:
        ray: the connected module.
        resources: what each task gets.
        reporter: gets warnings about nodes.
    """

    def __init__(self, ray: Any, resources: Resources, reporter: Reporter) -> None:
        self._ray, self._resources, self._reporter = ray, resources, reporter
        self._health = Health(ray, resources, reporter)
        self._software = own_software()
        self._warned: set[str] = set()

    def results(
        self, function: Callable[..., Done], tasks: Mapping[int, tuple[Any, ...]]
    ) -> Iterator[tuple[int, Done | str]]:
        """Run tasks, and yield the number of each with its result or the reason for its failure.

        Args:
            function: what each task calls.
            tasks: number -> arguments of the task.

        Raises:
            CadbenchError: the head is gone, or a node has other software.
        """
        remote = self._ray.remote(
            name=function.__name__,
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            max_retries=TRIES - 1,
            retry_exceptions=False,
        )(make_task(function.__module__, function.__name__))
        waiting = list(tasks)[::-1]
        running: dict[Any, int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < (self._resources.jobs or len(tasks)):
                    number = waiting.pop()
                    running[remote.remote(self._software, *tasks[number])] = number
                ready, _ = self._ray.wait(list(running), timeout=_POLL)
                for reference in ready:
                    yield running.pop(reference), self._result(reference)
                self._health.check()
        except ConnectionLost:
            running.clear()  # nothing is left that could be stopped
            raise
        finally:
            _stop(self._ray, list(running))

    def _result(self, reference: Any) -> Done | str:
        """The result of a finished task, or the reason for its failure."""
        errors = self._ray.exceptions
        try:
            node, software, done = self._ray.get(reference)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, CadbenchError):
                return str(cause)
            return " ".join(f"internal error: {type(cause).__name__}: {cause}".split())
        except errors.LocalRayletDiedError as error:
            raise ConnectionLost(_NODE_DIED) from error
        except errors.OutOfMemoryError:
            return (
                "its node has too little memory; raise --cell-cpus so that fewer tasks share a node"
            )
        except errors.RayError as error:
            return f"its worker or node died {TRIES} times ({type(error).__name__})"
        warning = check_software(node, software, self._software)
        if warning and warning not in self._warned:
            self._warned.add(warning)
            self._reporter.warn(warning)
        return cast(Done, done)


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
def _connect(address: str | None, resources: Resources, reporter: Reporter) -> Iterator[Any]:
    # Without this Ray reports usage statistics over the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not os.environ.get("CADBENCH_DEBUG"):  # Ray prints what it retries on standard error
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    named = address or os.environ.get("RAY_ADDRESS")
    try:
        _check_listening(named)
        with _standard_error_hidden():  # Ray prints there that it prints nothing
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises many types here
        raise CadbenchError(_describe_connection_error(named, str(error))) from error
    with last_words(f"error: {_NODE_DIED}"), messages_of_ray(reporter):
        try:
            _check_resources(ray, resources)
            yield ray
        except ConnectionLost:
            # Ray's own end would wait for the cluster, end this process at once, or crash.
            atexit.unregister(ray.shutdown)
            atexit.register(_exit_without_ray)
            raise
        except BaseException:
            ray.shutdown()
            raise
        ray.shutdown()


def _exit_without_ray() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # it may be closed
            stream.flush()
    os._exit(1)


@contextlib.contextmanager
def _standard_error_hidden() -> Iterator[None]:
    """Discard what this process prints on standard error, from Python and from compiled code."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _check_listening(address: str | None) -> None:
    """Raise `OSError` if nothing listens at the address: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal() and not is_listening(f"{host}:{port}", _TIMEOUT):
        raise OSError("nothing listens there")


def _describe_connection_error(address: str | None, error: str) -> str:
    place = address or "this machine"
    lines = error.strip().split("\n")
    if lines[0].startswith("Version mismatch"):  # of Python or Ray
        told = "; ".join(line.strip() for line in lines[1:] if line.strip())
        return f"the Ray cluster at {place} has other versions: {told}; install the same on both"
    return (
        f"no Ray cluster at {place}: {lines[0]}; start one with `ray start --head`, or leave out "
        "--address"
    )


def _check_resources(ray: Any, resources: Resources) -> None:
    """Raise `UsageError` if no node has the resources: Ray would wait for them forever."""
    nodes: list[Mapping[str, float]] = [n["Resources"] for n in ray.nodes() if n["Alive"]]
    if not any(map(resources.fit, nodes)):
        largest = max(nodes, key=lambda n: (n.get("GPU", 0), n.get("CPU", 0)), default={})
        raise UsageError(
            f"no node of the Ray cluster has {resources.cpus} CPUs and {resources.gpus:g} GPUs; "
            f"the largest has {largest.get('CPU', 0):g} and {largest.get('GPU', 0):g}; lower "
            "--cell-cpus or --cell-gpus"
        )
