"""Nearest-neighbor distances from test patches to memory blocks, each computed once and shared.

A memory is a union of blocks, and the minimum over a union is the minimum of the blocks' minima.
So the cache holds, for each (test image, block), what is known of the distances of its patches to
the block; expert counts, experiences, methods and seeds that share a block share the work.

What is known of a distance is its value or a lower bound. A distance that cannot be the least over
a union is not computed: its bound is kept. And what is known of a block is known of its parts: a
distance stays where the nearest vector is still there, and is a lower bound where it is not. All of
this changes which distances are computed, and no result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...interface.block import Block
from ...interface.experience import TestBatch
from .distance_table import Known

if TYPE_CHECKING:
    from torch import Tensor

    from .disk_cache import DistanceStore

DEFAULT_BUDGET = 512 * 1024 * 1024
_BEGINNING = 1 << 18
"""Distances that take as long as it takes to begin a search."""


class Search(Protocol):
    """See `cadbench.benchmark.services.neighbors.search.torch_search`."""

    def __call__(
        self,
        queries: Tensor,
        blocks: Sequence[Tensor],
        bounds: Tensor | None = None,
        chosen: Tensor | None = None,
        /,
    ) -> tuple[Tensor, Tensor]: ...


@dataclass
class Neighbors:
    """`min_distance` for methods; keeps the latest used blocks' distances within `budget` bytes.

    search: the exact search to use, see `exact_search`. Distances are kept in main memory, and
    where there is a `store`, in files too.
    """

    search: Search
    budget: int = DEFAULT_BUDGET
    store: DistanceStore | None = None
    _blocks: OrderedDict[str, Known] = field(default_factory=OrderedDict, repr=False)

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> Tensor:
        """(B, P) float32: each patch's Euclidean distance to the nearest vector of all blocks."""
        import torch

        if not blocks:
            raise ValueError("min_distance needs at least one block")
        blocks = list({block.digest: block for block in blocks}.values())
        union = _Union(batch, blocks, [self._known(block, batch) for block in blocks])
        for group in union.order():
            union.search(group, self.search)
        self._evict()
        return torch.from_numpy(union.least).to(blocks[0].vectors.device)

    def save(self) -> None:
        """Write to the store what it does not have yet."""
        self._save(self._blocks)

    def forget(self) -> None:
        """Drop every distance from memory."""
        self._blocks.clear()

    def _known(self, block: Block, batch: TestBatch) -> Known:
        """What is known of the block, with a row for every image of the batch."""
        known = self._blocks.get(block.digest)
        if known is None:
            like = next(iter(self._blocks.values()), None)
            patches = batch.stored[0].shape[1] if like is None else like.values.shape[1]
            known = Known(block, patches)
            if self.store is not None:
                self.store.load(block.digest, known)
            self._blocks[block.digest] = known
        self._blocks.move_to_end(block.digest)
        if lacking := known.lacking(batch.ids):
            self._inherit(known, lacking)
        return known

    def _inherit(self, part: Known, ids: Sequence[str]) -> None:
        """Add rows for images; what is known of blocks that hold this one's vectors is used.

        Of several such blocks the smallest that knows the image.
        """
        from .distance_table_loops import inherit

        others = [known for known in self._blocks.values() if known.whole == part.whole]
        for of in sorted(others, key=lambda known: len(known.origin)):
            there = [identity for identity in ids if identity in of.rows]
            if there and of.holds(part):
                places, new = of.places(there), part.add(there)
                inherit(of.values, of.nearest, places, part.members, part.values, part.nearest, new)
                ids = [identity for identity in ids if identity not in part.rows]
        if ids:
            part.add(ids)

    def _evict(self) -> None:
        """Drop the blocks that were used longest ago, but never the last one used."""
        size = sum(known.nbytes for known in self._blocks.values())
        dropped = {}
        while size > self.budget and len(self._blocks) > 1:
            digest, oldest = self._blocks.popitem(last=False)
            size -= oldest.nbytes
            dropped[digest] = oldest
        self._save(dropped)

    def _save(self, blocks: Mapping[str, Known]) -> None:
        changed = {digest: known for digest, known in blocks.items() if known.changed}
        if self.store is not None and changed:
            self.store.save(changed)


class _Union:
    """The distances of a batch to a union of blocks, as far as they are known.

    least (B, P) float32: the least distance known so far.
    """

    def __init__(self, batch: TestBatch, blocks: Sequence[Block], known: Sequence[Known]) -> None:
        from .distance_table_loops import lower

        self.batch, self.blocks, self.known = batch, blocks, known
        self.places = [of.places(batch.ids) for of in known]
        self.least = np.full((len(batch), known[0].values.shape[1]), np.inf, np.float32)
        for of, places in zip(known, self.places, strict=True):
            lower(of.values, places, self.least)

    def order(self) -> Iterator[list[int]]:
        """Blocks that may hold something nearer, the likeliest first, those alike together.

        Of parts of known blocks that with the lowest bounds is likeliest; of new blocks the
        largest, and of equal ones the last. Parts that ask for little are searched together.
        """
        from .distance_table_loops import sought

        bounds: dict[int, float] = {}
        counts: dict[int, int] = {}
        new: dict[bytes, list[int]] = {}
        for index, (of, places) in enumerate(zip(self.known, self.places, strict=True)):
            unknown = np.zeros(len(places), np.bool_)
            count, total = sought(of.values, places, self.least, unknown)
            if unknown.any():
                new.setdefault(unknown.tobytes(), []).append(index)
            elif count:
                bounds[index], counts[index] = total / count, count
        yield from self._together(sorted(bounds, key=lambda index: bounds[index]), counts)
        for images, alike in new.items():
            if np.isinf(self.least[np.frombuffer(images, np.bool_)]).any():
                first = max(alike, key=lambda index: (len(self.blocks[index]), index))
                yield [first]
                alike = [index for index in alike if index != first]
            if alike:
                yield alike

    def _together(self, likely: Sequence[int], counts: Mapping[int, int]) -> Iterator[list[int]]:
        """Neighbors in the order that cost less when they are searched together.

        counts: how many distances are sought in each, at most all of them different patches'.
        """
        group: list[int] = []
        for index in likely:
            joined = [*group, index]
            apart = sum(counts[each] * len(self.blocks[each]) for each in joined)
            sizes = sum(len(self.blocks[each]) for each in joined)
            more = sizes * sum(counts[each] for each in joined) - apart
            if group and more > len(group) * _BEGINNING:
                yield group
                joined = [index]
            group = joined
        if group:
            yield group

    def search(self, group: Sequence[int], search: Search) -> None:
        """Look for nearer vectors in some blocks, and keep what is learned of their distances."""
        import torch

        from .distance_table_loops import gather, keep, mark

        wanted = np.zeros(self.least.size, np.bool_)
        for index in group:
            mark(self.known[index].values, self.places[index], self.least, wanted)
        if not (count := np.count_nonzero(wanted)):
            return
        array, rows = self.batch.stored
        chosen, bounds = np.empty(count, np.int64), np.empty(count, np.float32)
        sought = np.empty(count, np.int64)
        gather(wanted, self.least, np.asarray(rows), chosen, bounds, sought)
        device = self.blocks[0].vectors.device
        distances, nearest = search(
            array.flatten(0, 1),
            [self.blocks[index].vectors for index in group],
            torch.from_numpy(bounds).to(device),
            torch.from_numpy(sought).to(device),
        )
        found = zip(group, distances.cpu().numpy(), nearest.cpu().numpy(), strict=True)
        for index, least, nearer in found:
            known = self.known[index]
            known.changed = True
            keep(
                known.values, known.nearest, known.origin, self.places[index],
                chosen, bounds, least, nearer, self.least,
            )  # fmt: skip
