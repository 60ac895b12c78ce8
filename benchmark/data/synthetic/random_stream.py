"""Random numbers that are the same on every machine and with every version of NumPy.

NumPy guarantees the raw bits of PCG64, but not the distributions of `Generator`. So the few
distributions that are needed are computed here from the bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Array = np.ndarray
Item = TypeVar("Item")

_RESOLUTION = float(1 << 53)
_SIXTEEN_BIT_SUM_MEAN = 131070.0
_SIXTEEN_BIT_SUM_DEVIATION = 37837.0


class RandomStream:
    """A random generator that is seeded by labels."""

    def __init__(self, *labels: str) -> None:
        self._labels = labels
        digest = hashlib.sha256("\0".join(labels).encode()).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest, "big"))

    def child(self, label: str) -> RandomStream:
        """An independent generator; using it does not advance this one."""
        return RandomStream(*self._labels, label)

    def array(self, *shape: int) -> Array:
        """Uniform numbers in [0, 1), multiples of 2**-53."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(count)
        return ((raw >> np.uint64(11)) / _RESOLUTION).reshape(shape)

    def bell(self, *shape: int) -> Array:
        """Approximately normal numbers (sums of four 16-bit uniforms), mean 0 and deviation 1."""
        count = int(np.prod(shape))
        pieces = self._bits.random_raw(count).astype("<u8").view("<u2").reshape(count, 4)
        total = pieces[:, 0].astype(np.int64)
        for column in range(1, 4):
            total += pieces[:, column]
        return ((total - _SIXTEEN_BIT_SUM_MEAN) / _SIXTEEN_BIT_SUM_DEVIATION).reshape(shape)

    def uniform(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        return low + (high - low) * self._unit()

    def around(self, value: float, spread: float) -> float:
        """One number in [value - spread, value + spread)."""
        return self.uniform(value - spread, value + spread)

    def integer(self, low: int, high: int) -> int:
        """One integer in low..high - 1."""
        return low + int((high - low) * self._unit())

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.integer(0, len(items))]

    def sign(self) -> float:
        """-1 or 1."""
        return self.choice((-1.0, 1.0))

    def _unit(self) -> float:
        return (int(self._bits.random_raw()) >> 11) / _RESOLUTION
