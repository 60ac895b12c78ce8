"""Random generators that depend on nothing but what they are for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, purpose: str, name: str = "") -> np.random.Generator:
    """A PCG64 generator seeded by a hash of (seed, purpose, name): no global state, no order."""
    import numpy as np

    digest = hashlib.sha256(f"{seed}\0{purpose}\0{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
