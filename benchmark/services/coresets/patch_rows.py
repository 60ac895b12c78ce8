"""Row access to the patches of a category, without one float32 copy of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError, UsageError

Patches: TypeAlias = np.ndarray | Sequence[np.ndarray] | Tensor
"""(N, D) as one array or tensor, or as pieces (n_i, D); float16 or float32, in memory or mapped."""

PART_VALUES = {"cpu": 1 << 20, "cuda": 1 << 26}
"""Values per part, by device type; on the CPU a part takes 8 MB in float64."""

NOT_FINITE = "patch embeddings hold values that are not finite; extract the features again"


class PatchRows:
    """The rows of patches, as float32; `DataError` if there are none."""

    def __init__(self, patches: Patches) -> None:
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
        """Return the patches at `rows` (n,) as (n, D) float32 on the device."""
        first = self._pieces[0]
        if isinstance(first, Tensor):
            return first[rows].float()
        indices = rows.numpy()
        gathered = np.empty((len(indices), self.dim), first.dtype)
        piece_of = np.searchsorted(self._ends, indices, side="right")
        for number in np.unique(piece_of):
            piece, here = self._pieces[number], piece_of == number
            gathered[here] = piece[indices[here] - (self._ends[number] - len(piece))]
        return torch.from_numpy(gathered).float()

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield all patches in order, in parts of bounded size: (slice of rows, (n, D) float32)."""
        size = PART_VALUES[self.device.type] // self.dim + 1
        for start in range(0, len(self), size):
            part = slice(start, min(start + size, len(self)))
            yield part, self.take(torch.arange(part.start, part.stop, device=self.device))

    def map(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Values (N,) float64 that a function returns for the patches of each part."""
        values = torch.empty(len(self), dtype=torch.float64, device=self.device)
        for where, part in self.parts():
            values[where] = function(part)
        return values

    def mean(self) -> Tensor:
        """Mean (D,) float64 of all patches."""
        total = torch.zeros(self.dim, dtype=torch.float64, device=self.device)
        for _, part in self.parts():
            total += part.double().sum(0)
        return total / len(self)

    def coreset_size(self, k: int) -> int:
        """Size of a coreset of k patches: k, or N if there are fewer; `UsageError` below 1."""
        if k < 1:
            raise UsageError(f"a coreset has at least 1 patch, not {k}")
        return min(k, len(self))
