"""`PatchSource`: the cached arrays of one category, as methods and services read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch


class PatchSource(Protocol):
    """The cached arrays (patches or pixels) of the images of one category and split.

    Nothing in it leads to an image's file, its label or its mask.
    """

    @property
    def ids(self) -> tuple[str, ...]:
        """(B,) content hashes of the images, in storage order."""

    @property
    def digest(self) -> str:
        """Content address of features and images: equal digests mean equal arrays."""

    @property
    def row_of(self) -> dict[str, int]:
        """Storage row of each id."""

    def arrays(self) -> list[np.ndarray]:
        """The arrays (n, P, D) in storage order, memory-mapped, in the stored type."""

    def read(
        self, rows: Iterable[int], opened: dict[int, np.ndarray] | None = None
    ) -> torch.Tensor:
        """Read rows to the device: patches (B, P, D) float32, or pixels (B, 3, H, W) uint8.

        Args:
            rows: storage rows.
            opened: open files to keep between calls, for callers that read row by row.
        """

    def find(self, rows: Sequence[int]) -> tuple[torch.Tensor, Sequence[int]]:
        """Return an array (N, P, D) in the stored type and the indices of `rows` in it."""
