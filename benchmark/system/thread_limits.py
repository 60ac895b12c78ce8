"""Work in short steps on one thread of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """On the CPU, without the threads that torch uses for large operations.

    The steps are short. On two idle cores a second thread gains a third; where something else
    keeps the cores busy, the threads' waiting for one another makes it several times slower.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
