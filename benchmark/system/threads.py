"""Threads: parallel work on the CPU, and limits on the threads of torch and FAISS."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def thread_count() -> int:
    """Number of threads that `run_parallel` uses: as many as torch uses."""
    import torch

    return torch.get_num_threads()


def run_parallel(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks on `thread_count()` threads; each takes the next task when it is free.

    Tasks must release the interpreter (compiled loops, NumPy). They must not call torch, whose
    operations would start more threads in each of these.

    Args:
        tasks: functions without arguments.

    Returns:
        The results in the order of the tasks. An exception of a task is raised again here.
    """
    count = thread_count()
    if count == 1 or len(tasks) == 1:
        return [task() for task in tasks]
    return list(_pool(count, os.getpid()).map(lambda task: task(), tasks))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch's CPU operations to one thread, for work in many short steps.

    On two idle cores a second thread makes such work a third faster; when other processes keep the
    cores busy, the threads wait for one another and it becomes several times slower.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def faiss_threads(count: int) -> Iterator[None]:
    """Limit FAISS to `count` threads; k-means gives the same centers only with one."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@functools.cache
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    """The thread pool of a process; a forked process (another `process` id) makes its own."""
    return ThreadPoolExecutor(size, thread_name_prefix="parallel")
