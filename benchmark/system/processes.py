"""Parallel map over processes or threads: ordered results, bounded queues, clean interrupts.

loky starts the processes. Its own `map` submits all jobs at once and keeps all results, which may
be arrays of many images, so the queue is here.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
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


_MALLOC_SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 28)}
"""Settings for glibc: workers keep freed memory instead of returning it to the system. Requesting
memory for every image-sized array took a tenth of the time of drawing images. Other systems ignore
these variables."""

_core_limit: int | None = None


def limit_cores(count: int) -> None:
    """Make this process use at most `count` cores, because others run at the same time."""
    global _core_limit
    _core_limit = count


def available_cores() -> int:
    """Number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, _core_limit or sys.maxsize)


def map_in_processes(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
    queued: int = 2,
    required: bool = False,
) -> Iterator[Result]:
    """Apply `function` to every job in worker processes; yield the results in the jobs' order.

    At most `workers + queued` jobs are running or finished and not yet yielded, so memory stays
    bounded.

    Args:
        function: must be importable by name, and should import little.
        jobs: arguments of `function`; read as results are consumed.
        workers: number of processes; None for one per core, 0 to work in this process.
        queued: number of jobs submitted beyond those that run.
        required: fail if the system has no shared memory; otherwise the jobs then run in this
            process.

    Raises:
        CadbenchError: a worker was killed or could not import something, or the system cannot start
            processes.
    """
    count = available_cores() if workers is None else workers
    if count == 0:
        yield from map(function, jobs)
        return
    from multiprocessing import resource_tracker

    from loky import get_reusable_executor
    from loky.process_executor import BrokenProcessPool

    # loky starts this tracker with the first worker, and starting it unblocks SIGINT, so that
    # workers would receive it. Therefore it is started before SIGINT is blocked.
    with _start_errors():
        resource_tracker.ensure_running()
    # loky's workers, unlike those of `concurrent.futures`, do not import the caller's script.
    try:
        with _interrupts_blocked(), _start_errors():
            pool = get_reusable_executor(
                max_workers=count,
                timeout=10,
                initializer=_ignore_interrupts,
                env=_worker_environment(),
            )
    except OSError as error:  # of the semaphores, which are files in /dev/shm
        if not required:
            yield from map(function, jobs)
            return
        raise CadbenchError(
            f"cannot start worker processes: the shared memory of this system (/dev/shm) is full, "
            f"read-only or missing ({error.strerror}); free it, or run the same command without "
            "--jobs"
        ) from error
    waiting: collections.deque[Future[Result]] = collections.deque()
    finished = False
    try:
        for job in jobs:
            with _interrupts_blocked(), _start_errors():
                waiting.append(pool.submit(function, job))
            if len(waiting) >= count + queued:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        finished = True
    except BrokenProcessPool as error:
        raise CadbenchError(_describe_broken_pool(error)) from error
    finally:
        if not finished:  # an error, an interrupt, or the caller closed the generator
            with contextlib.suppress(RuntimeError):  # raised if a thread could not be started
                pool.shutdown(kill_workers=True)


def _worker_environment() -> dict[str, str]:
    """Variables that workers get unless the user sets them."""
    defaults = dict(_MALLOC_SETTINGS)
    if not os.environ.get("CADBENCH_DEBUG"):
        defaults["PYTHONFAULTHANDLER"] = ""  # no dump of a crash, which is reported in one line
    return {name: os.environ.get(name, value) for name, value in defaults.items()}


def _describe_broken_pool(error: Exception) -> str:
    """Say whether a worker was killed, crashed, or could not import something."""
    kept = "finished work is kept: run the same command again"
    fewer = f"{kept} with fewer other programs running"
    signals = re.findall(r"\b(SIG[A-Z]+)\b", str(error))
    signals += [signal.Signals(int(number)).name for number in re.findall(r": -(\d+)", str(error))]
    if "SIGKILL" in signals or "SIGTERM" in signals:
        return f"a worker process was killed by {signals[0]} (out of memory?); {fewer}"
    if signals:
        return f"a worker process crashed in compiled code ({signals[0]}); {kept}"
    cause = [line for line in str(error.__cause__ or "").splitlines() if line.strip(" '\"")]
    if cause and "un-serialize" in str(error):
        return (
            f"a worker process could not load its task: {cause[-1].strip()}; modules that it "
            "imports must be installed, or be in the current folder or PYTHONPATH"
        )
    if codes := re.findall(r"(?:EXIT\(|: )(\d+)", str(error)):
        return (
            f"a worker process ended with exit code {codes[0]}: Python could not start or import "
            f"cadbench in it, or a method ended it; {kept}"
        )
    return f"worker processes failed ({str(error).splitlines()[0]}); {kept}"


def map_in_threads(
    function: Callable[[Job], Result], jobs: Iterable[Job], count: int
) -> Iterator[Result]:
    """Apply `function` to every job in `count` threads; yield the results in the jobs' order.

    With `count` 1 everything runs in the caller's thread.
    """
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
def _start_errors() -> Iterator[None]:
    """Raise `CadbenchError` if the system cannot start a process or thread."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the tracker could not be started
            yield
    except (RuntimeError, BlockingIOError) as error:
        if isinstance(error, RuntimeError) and "start new thread" not in str(error):
            raise
        # Python tries to start the tracker again at exit, which would repeat the warning.
        warnings.filterwarnings("ignore", "resource_tracker: ", UserWarning)
        raise CadbenchError(
            "cannot start more processes or threads for this user; stop some others or raise the "
            "limit (ulimit -u), then run the same command again"
        ) from error


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT while workers may be started; workers inherit the block and keep it.

    The terminal sends Ctrl-C to all processes, but only this one should handle it. A blocked
    signal, unlike an ignored one, is delivered when it is unblocked.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    """Initializer of workers that loky starts later, to replace those that timed out while idle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
