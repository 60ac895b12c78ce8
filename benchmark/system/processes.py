"""Work spread over processes: results in order, a bounded number under way, clean interrupts."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from ...results.errors import CadbenchError

if TYPE_CHECKING:
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")


_KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}
"""For the C library of Linux: a worker keeps what it frees. To ask the system anew for every array
of an image's size took a tenth of the time of drawing images; elsewhere this means nothing."""

_limit: int | None = None


def limit_cores(count: int) -> None:
    """Let this process count on `count` cores: the others are for its neighbors."""
    global _limit
    _limit = count


def available_cores() -> int:
    """Cores this process may run on, and is to use."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(there or 1, _limit or sys.maxsize)


def in_order(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
    ahead: int = 2,
) -> Iterator[Result]:
    """`function` of every job, in the order of the jobs, computed in worker processes.

    At most `workers + ahead` jobs are under way or waiting to be taken, so memory stays bounded
    however many there are. `function` must be importable by name and should import little. None
    takes a worker a core, 0 does everything here.
    """
    count = available_cores() if workers is None else workers
    if count == 0:
        yield from map(function, jobs)
        return
    from multiprocessing import resource_tracker

    from loky import get_reusable_executor
    from loky.process_executor import TerminatedWorkerError

    # This helper comes with the first worker, and its start lets interrupts through again, which
    # would leave the workers open to them; so it is started before they are held back.
    with _starting():
        resource_tracker.ensure_running()
    # loky's workers, unlike those of `concurrent.futures`, do not import the caller's script.
    with _without_interrupts(), _starting():
        pool = get_reusable_executor(
            max_workers=count,
            timeout=10,
            initializer=_ignore_interrupts,
            env={name: os.environ.get(name, value) for name, value in _KEPT_MEMORY.items()},
        )
    waiting: collections.deque[Future[Result]] = collections.deque()
    finished = False
    try:
        for job in jobs:
            with _without_interrupts(), _starting():
                waiting.append(pool.submit(function, job))
            if len(waiting) >= count + ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        finished = True
    except TerminatedWorkerError:
        raise CadbenchError(
            "a worker process was ended from outside (out of memory?); finished work is kept: run "
            "the same command again, with less else running on the machine"
        ) from None
    finally:
        if not finished:  # an error, an interrupt, or the caller wants no more
            with contextlib.suppress(RuntimeError):  # of a thread that could not be started
                pool.shutdown(kill_workers=True)


def in_threads(
    function: Callable[[Job], Result], jobs: Iterable[Job], count: int
) -> Iterator[Result]:
    """`function` of every job, in their order, in `count` threads; one is the caller's own."""
    if count == 1:
        yield from map(function, jobs)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: collections.deque[Future[Result]] = collections.deque()
    with ThreadPoolExecutor(count) as pool:
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """One line where the system starts no more processes or threads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a helper that could not be started
            yield
    except (RuntimeError, BlockingIOError) as error:
        if isinstance(error, RuntimeError) and "start new thread" not in str(error):
            raise
        # Nor could it be started at the end of the program, which would say so once more.
        warnings.filterwarnings("ignore", "resource_tracker: ", UserWarning)
        raise CadbenchError(
            "the system starts no more processes or threads for this user; end some others, or "
            "raise the limit (ulimit -u), and run the same command again"
        ) from error


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back while workers may be started: for an instant here, for good in the workers.

    The terminal sends it to all processes, but only this one has something to say about it. A
    blocked signal, unlike an ignored one, is delivered once it is let through again.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    """For workers that are started later, when others were idle for long and have ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
