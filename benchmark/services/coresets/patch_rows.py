"""Access to the patches of a category wherever they lie, never as one float32 copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError

PART = {"cpu": 1 << 20, "cuda": 1 << 26}
"""Values in one part, by the kind of device: 8 MB in float64 on the CPU."""


class PatchRows:
    """Patches in one array or tensor (N, D), or in pieces (n_i, D); float16 or float32."""

    def __init__(self, patches: np.ndarray | Sequence[np.ndarray] | Tensor) -> None:
        self.device = patches.device if isinstance(patches, Tensor) else torch.device("cpu")
        if isinstance(patches, Tensor) and self.device.type == "cpu":
            patches = patches.numpy()
        self._pieces = [patches] if isinstance(patches, (np.ndarray, Tensor)) else list(patches)
        self._ends = np.cumsum([len(piece) for piece in self._pieces])
        if not self._pieces or self._ends[-1] == 0:
            raise DataError("there are no patches to select from: the category has no images")
        self.dim = int(self._pieces[0].shape[1])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def take(self, rows: Tensor) -> Tensor:
        """The patches at `rows` (n,): (n, D) float32, on the device."""
        first = self._pieces[0]
        if isinstance(first, Tensor):
            return first[rows].float()
        wanted = rows.numpy()
        taken = np.empty((len(wanted), self.dim), first.dtype)
        holder = np.searchsorted(self._ends, wanted, side="right")
        for number in np.unique(holder):
            piece, here = self._pieces[number], holder == number
            taken[here] = piece[wanted[here] - (self._ends[number] - len(piece))]
        return torch.from_numpy(taken).float()

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """All patches in order, in parts of bounded size: (where, (n, D) float32)."""
        size = PART[self.device.type] // self.dim + 1
        for start in range(0, len(self), size):
            part = slice(start, min(start + size, len(self)))
            yield part, self.take(torch.arange(part.start, part.stop, device=self.device))
