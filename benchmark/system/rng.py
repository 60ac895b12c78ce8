"""Random generators that depend only on a seed, a purpose and a name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, purpose: str, name: str = "") -> np.random.Generator:
    """A PCG64 generator seeded with a hash of (seed, purpose, name).

    There is no global state, so the numbers do not depend on what else was generated before.

    Args:
        seed: the cell's seed.
        purpose: what the numbers are for, such as `test order`.
        name: distinguishes generators of one purpose, such as a category.
    """
    import numpy as np

    digest = hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
