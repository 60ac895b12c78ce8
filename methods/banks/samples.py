"""Samples of categories in a bank of fixed size: each loses its end as more categories come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.services import Selector
from .memory_bank import pack_blocks, unpack_blocks

CHUNK = 256
"""Vectors a block: a category's sample only ever loses its tail, so whole chunks stay shared."""

_LATER = 2.0**-20
"""What a later category's priorities are raised by: of equal ranks the earlier category's stays."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The patches of one category that are held, by rising priority.

    category: its name, and where it was observed before, a number that keeps its samples apart;
    priorities (n,): one a patch, none equal to another category's; vectors: blocks of CHUNK rows,
    the last shorter.
    """

    category: str
    priorities: np.ndarray
    vectors: tuple[Block, ...]

    def first(self, count: int) -> Sample:
        """The `count` patches of the smallest priorities."""
        whole, rest = divmod(count, CHUNK)
        vectors = self.vectors[:whole]
        if rest:
            tail = self.vectors[whole]
            vectors += (tail if len(tail) == rest else tail.take(np.arange(rest)),)
        return Sample(self.category, self.priorities[:count], vectors)


def ranked(
    context: MethodContext,
    experience: TrainExperience,
    category: str,
    selector: Selector,
    *,
    budget: int,
    earlier: int,
) -> Sample:
    """What a new category holds of `budget` patches beside `earlier` categories: an equal share.

    A patch's priority is its rank in the selection, so that `kept` leaves every category as many
    patches, the first of its selection; what is left over when the budget is divided goes to the
    earliest categories.
    """
    share = -(-budget // (earlier + 1))
    selected = context.coresets.select(
        experience, category, share, selector=selector, seed=context.seed
    )
    starts = range(0, len(selected), CHUNK)
    vectors = tuple(selected.take(np.arange(len(selected))[at : at + CHUNK]) for at in starts)
    return Sample(category, np.arange(len(selected)) + earlier * _LATER, vectors)


def kept(samples: Sequence[Sample], capacity: int) -> list[Sample]:
    """The `capacity` patches of the smallest priorities over all samples."""
    everything = np.sort(np.concatenate([sample.priorities for sample in samples]))
    if len(everything) <= capacity:
        return list(samples)
    limit = everything[capacity - 1]
    counts = [int(np.searchsorted(sample.priorities, limit, side="right")) for sample in samples]
    return [sample.first(n) for sample, n in zip(samples, counts, strict=True) if n]


def blocks_of(samples: Sequence[Sample]) -> list[Block]:
    """All their vectors."""
    return [block for sample in samples for block in sample.vectors]


def pack_sample(sample: Sample) -> dict[str, Any]:
    """A sample as part of a method's state."""
    return {
        "category": sample.category,
        "priorities": sample.priorities,
        "vectors": pack_blocks(sample.vectors),
    }


def unpack_sample(state: dict[str, Any], context: MethodContext) -> Sample:
    """The sample that `pack_sample` wrote."""
    vectors = tuple(unpack_blocks(state["vectors"], context))
    return Sample(state["category"], state["priorities"], vectors)
