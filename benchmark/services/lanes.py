"""Work that releases the interpreter (compiled loops, NumPy), on as many cores as torch uses."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def lanes() -> int:
    """How many pieces are worked on at a time."""
    import torch

    return torch.get_num_threads()


def in_lanes(works: Sequence[Callable[[], T]]) -> list[T]:
    """The results of all works, in order; the first is done by the calling thread.

    Torch's operations do not belong here: each thread would bring threads of its own.
    """
    others = [_pool(lanes(), os.getpid()).submit(work) for work in works[1:]]
    return [works[0](), *(other.result() for other in others)]


@functools.cache
def _pool(count: int, process: int) -> ThreadPoolExecutor:
    """The threads; a forked process makes its own."""
    return ThreadPoolExecutor(count, thread_name_prefix="lane")
