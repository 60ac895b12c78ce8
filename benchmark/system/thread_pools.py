"""Work that releases the interpreter (compiled loops, NumPy), on as many cores as torch uses."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


def lanes() -> int:
    """How many pieces are worked on at a time."""
    import torch

    return torch.get_num_threads()


def in_lanes(works: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all works, in order; a lane that is free takes the next, the caller's too.

    Torch's operations do not belong here: each thread would bring threads of its own.
    """
    results: dict[int, T] = {}
    left = iter(range(len(works)))

    def lane() -> None:
        for index in left:
            results[index] = works[index]()

    others = [
        _pool("lane", lanes(), os.getpid()).submit(lane)
        for _ in range(min(lanes(), len(works)) - 1)
    ]
    lane()
    for other in others:
        other.result()
    return [results[index] for index in range(len(works))]


@dataclass(frozen=True, eq=False)
class Aside(Generic[T]):
    """Work that another thread does, unless its result is asked for before it is begun."""

    _work: Callable[[], T]
    _future: Future[T]

    def result(self) -> T:
        """What the work gave, or its error; whoever asks does what nobody has begun."""
        return self._work() if self._future.cancel() else self._future.result()

    def cancel(self) -> None:
        """Do it only if it is begun already."""
        self._future.cancel()


def aside(work: Callable[[], T], line: str = "aside") -> Aside[T]:
    """Have work done beside the caller's, one of a line at a time, in order.

    line: which has a thread of its own; of two neither waits for the other.
    """
    return Aside(work, _pool(line, 1, os.getpid()).submit(work))


@functools.cache
def _pool(name: str, count: int, process: int) -> ThreadPoolExecutor:
    """The threads; a forked process makes its own."""
    return ThreadPoolExecutor(count, thread_name_prefix=name)
