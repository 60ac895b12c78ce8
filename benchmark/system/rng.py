"""Random generators that depend only on a seed, a purpose and a name."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def generator(seed: int, purpose: str, name: str = "") -> np.random.Generator:
    """A PCG64 generator seeded with a hash of (seed, purpose, name).

    There is no global state, so the numbers do not depend on what else was generated before.

    Args:
        seed: the cell's seed.
        purpose: what the numbers are for, such as `test order`.
        name: distinguishes generators of one purpose, such as a category.
    """
    import numpy as np

    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, purpose, name), "big")))


@contextlib.contextmanager
def seeded_torch(seed: int, purpose: str, name: str, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators with a hash of (seed, purpose, name); restore them at the end.

    Args:
        seed: the cell's seed.
        purpose: what the numbers are for.
        name: distinguishes blocks of one purpose.
        device: the device of the run; its generator is seeded too.
    """
    import torch

    on_cuda = device.type == "cuda"
    devices = range(torch.cuda.device_count()) if on_cuda else ()
    value = int.from_bytes(_digest(seed, purpose, name)[:8], "big") >> 1
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(value)
        if on_cuda:
            torch.cuda.manual_seed_all(value)
        yield


def _digest(seed: int, purpose: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()
