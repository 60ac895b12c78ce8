"""`SharedBlocks`: detects that a method changed the vectors of a block in place.

Coresets and distances are shared by all methods under the digest of a block. A changed block would
give other methods wrong numbers, so nothing that was computed with it may be kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...interface.memory_block import Block
from ...system.plugin_errors import PluginMistake

if TYPE_CHECKING:
    from ...services.coresets.service import Coresets
    from ...services.neighbors.service import Neighbors


@dataclass(eq=False)
class SharedBlocks:
    """The blocks that one method exchanged with the services of a run.

    A block is compared with its digest after its first use, and with a checksum, which is ten times
    as fast, after every later use.
    """

    coresets: Coresets
    neighbors: Neighbors
    _in_use: dict[int, Block] = field(default_factory=dict, repr=False)
    _checksums: weakref.WeakKeyDictionary[Block, bytes] = field(
        default_factory=weakref.WeakKeyDictionary, repr=False
    )

    def lend(self, block: Block) -> Block:
        """Register a block that a service made."""
        self._checksums.setdefault(block, _checksum(block))
        self.use([block])
        return block

    def use(self, blocks: Iterable[Block]) -> None:
        """Register blocks that the method passes to a service."""
        self._in_use |= {id(block): block for block in blocks}

    def verify(self, blocks: Iterable[Block] | None = None) -> None:
        """Raise if the vectors of a block have changed since its first use.

        Args:
            blocks: the blocks; None for those used since the last call.

        Raises:
            PluginMistake: one differs; everything computed with it has been dropped.
        """
        if blocks is None:
            blocks, self._in_use = list(self._in_use.values()), {}
        if changed := [block for block in blocks if not self._is_unchanged(block)]:
            digests = {digest for block in changed for digest in (block.digest, block.root_digest)}
            self.coresets.discard(digests)
            self.neighbors.discard(digests)
            raise PluginMistake(
                "it changed the vectors of a block, which other methods share; change a copy: "
                "block.vectors.clone()"
            )

    def verify_all(self) -> None:
        """As `verify`, for every block that the method exchanged and that is still in memory."""
        self.verify([*self._in_use.values(), *self._checksums])

    def _is_unchanged(self, block: Block) -> bool:
        current = _checksum(block)
        if block in self._checksums:
            return current == self._checksums[block]
        if not block.is_unchanged():
            return False
        self._checksums[block] = current
        return True


def _checksum(block: Block) -> bytes:
    """Sums over the rows and over the columns of the vectors, as whole numbers."""
    values = block.vectors.cpu().numpy()
    words = values.view(np.uint64 if values.shape[1] % 2 == 0 else np.uint32)
    sums = (words.sum(axis, dtype=np.uint64) for axis in (0, 1))
    return b"".join(each.tobytes() for each in sums)
