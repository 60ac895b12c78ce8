"""`Block`: vectors of a memory bank that never change, identified by a hash of their values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Block:
    """Immutable vectors that a method searches; neighbor distances are cached per block.

    Attributes:
        vectors: (N, D) float32, on the device of the run.
        digest: SHA-256 of shape and values. Blocks with equal digests share cached distances.
        parent_digest: for a subset made by `take`, the digest of the block that the rows come
            from; None otherwise. A subset of a subset names the original block.
        parent_rows: (N,) indices of the vectors in that original block; None without a parent.
        places: (N,) cell of the patch grid that each vector comes from, row by row from 0; None if
            unknown. Not part of the digest.
        category: the category that all vectors come from; None if unknown or several. Not part of
            the digest.
    """

    vectors: torch.Tensor
    digest: str
    parent_digest: str | None = None
    parent_rows: np.ndarray | None = field(default=None, repr=False)
    places: np.ndarray | None = field(default=None, repr=False)
    category: str | None = None

    @classmethod
    def of(
        cls,
        vectors: torch.Tensor,
        *,
        places: np.ndarray | None = None,
        category: str | None = None,
        copy: bool = True,
    ) -> Block:
        """Make a block of a contiguous float32 copy of `vectors` (N, D).

        Args:
            vectors: the vectors.
            places: (N,) cells of the patch grid that they come from, if a method needs them.
            category: the category that all of them come from, for `wrong_neighbor_rate`.
            copy: False for vectors that nothing else refers to, which saves the copy.
        """
        import torch

        vectors = vectors.detach().to(torch.float32, copy=copy).contiguous()
        return cls(vectors, _digest(vectors), places=places, category=category)

    @classmethod
    def join(cls, blocks: Sequence[Block]) -> Block:
        """Concatenate blocks; places and category are kept if all have them, the same category."""
        import torch

        places = [block.places for block in blocks if block.places is not None]
        categories = {block.category for block in blocks}
        return cls.of(
            torch.cat([block.vectors for block in blocks]),
            places=np.concatenate(places) if len(places) == len(blocks) else None,
            category=categories.pop() if len(categories) == 1 else None,
            copy=False,
        )

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def root_digest(self) -> str:
        """The digest of the original block: `parent_digest`, or this block's own."""
        return self.parent_digest or self.digest

    def take(self, indices: np.ndarray) -> Block:
        """Return the block of the vectors at `indices` (n,); it remembers its original block."""
        import torch

        places = torch.as_tensor(indices, device=self.vectors.device)
        rows = places.cpu().numpy()
        parent_rows = rows.copy() if self.parent_rows is None else self.parent_rows[rows]
        parent_rows.flags.writeable = False
        return replace(
            Block.of(
                self.vectors[places],
                places=None if self.places is None else self.places[rows],
                category=self.category,
                copy=False,
            ),
            parent_digest=self.root_digest,
            parent_rows=parent_rows,
        )

    def first(self, count: int) -> Block:
        """Return the block of the first `count` vectors; itself if it has no more."""
        return self if len(self) <= count else self.take(np.arange(count))

    def is_unchanged(self) -> bool:
        """Whether the vectors still have the values that `digest` identifies."""
        return _digest(self.vectors) == self.digest

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors."""
        return self.vectors.numel() * self.vectors.element_size()


def _digest(vectors: torch.Tensor) -> str:
    """SHA-256 of shape and values."""
    content = vectors.cpu().numpy()
    digest = hashlib.sha256(repr(content.shape).encode())
    digest.update(content.data)
    return digest.hexdigest()
