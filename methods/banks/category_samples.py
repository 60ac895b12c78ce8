"""Samples of categories that share a bank of fixed size: they shrink as categories are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.services import Selector
from .memory_bank import pack_blocks, unpack_blocks

CHUNK = 256
"""Vectors per block. A sample only loses vectors at its end, so its full blocks stay the same and
their cached distances are still used."""

_TIE_BREAK = 2.0**-20
"""Added to priorities per earlier category: of equal ranks, the earliest category's patch stays."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The stored patches of one category, by ascending priority.

    Attributes:
        category: name of the category; if it was observed before, with a number appended that
            tells its samples apart.
        priorities: (n,) one per patch, different from those of all other categories.
        vectors: the patches as blocks of CHUNK rows; the last may be shorter.
    """

    category: str
    priorities: np.ndarray
    vectors: tuple[Block, ...]

    def first(self, count: int) -> Sample:
        """The `count` patches with the smallest priorities."""
        full, rest = divmod(count, CHUNK)
        vectors = self.vectors[:full]
        if rest:
            last = self.vectors[full]
            vectors += (last if len(last) == rest else last.take(np.arange(rest)),)
        return Sample(self.category, self.priorities[:count], vectors)


def select_share(
    context: MethodContext,
    experience: TrainExperience,
    category: str,
    selector: Selector,
    *,
    budget: int,
    earlier: int,
) -> Sample:
    """Select the patches of a new category that fit into its equal share of a bank.

    The priority of a patch is its rank in the selection. So `trim_samples` leaves each category
    an equal number of patches, the first of its selection. If the budget is not divisible, the
    earliest categories keep one patch more.

    Args:
        context: gives the coresets and the seed.
        experience: the experience that contains the category.
        category: the new category.
        selector: how its patches are selected.
        budget: patches of all categories.
        earlier: number of samples that share the bank already.
    """
    share = -(-budget // (earlier + 1))
    selected = context.coresets.select(
        experience, category, share, selector=selector, seed=context.seed
    )
    starts = range(0, len(selected), CHUNK)
    vectors = tuple(selected.take(np.arange(len(selected))[at : at + CHUNK]) for at in starts)
    return Sample(category, np.arange(len(selected)) + earlier * _TIE_BREAK, vectors)


def trim_samples(samples: Sequence[Sample], capacity: int) -> list[Sample]:
    """Keep the `capacity` patches with the smallest priorities over all samples."""
    priorities = np.sort(np.concatenate([sample.priorities for sample in samples]))
    if len(priorities) <= capacity:
        return list(samples)
    limit = priorities[capacity - 1]
    counts = [int(np.searchsorted(sample.priorities, limit, side="right")) for sample in samples]
    return [sample.first(n) for sample, n in zip(samples, counts, strict=True) if n]


def blocks_of(samples: Sequence[Sample]) -> list[Block]:
    """The blocks of all samples."""
    return [block for sample in samples for block in sample.vectors]


def pack_sample(sample: Sample) -> dict[str, Any]:
    """Convert a sample to plain values for the state of a method."""
    return {
        "category": sample.category,
        "priorities": sample.priorities,
        "vectors": pack_blocks(sample.vectors),
    }


def unpack_sample(state: dict[str, Any], context: MethodContext) -> Sample:
    """Restore a sample that `pack_sample` converted."""
    vectors = tuple(unpack_blocks(state["vectors"], context))
    return Sample(state["category"], state["priorities"], vectors)
