"""One bank that grows by the patches it does not cover yet, and is thinned at its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.params import param
from .compression import StorageParams
from .memory_bank import CompressedBank, take_rows

KEPT_SHARE = 0.75
"""Share of the budget that thinning leaves."""


@dataclass(frozen=True)
class IncrementalCoresetParams(StorageParams):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank", low=4)
    class_budget: int = param(400, "vectors that a new category adds", low=1)
    ratio: float = param(
        0.0, "share of a new category's patches that it adds (0: class_budget)", low=0, high=1
    )


class IncrementalCoreset(CompressedBank[IncrementalCoresetParams]):
    """One bank: each category adds the patches farthest from it; at its budget it is thinned.

    Where the bank already covers a patch, as with a background that categories share, the patch is
    not selected. If the new vectors do not fit, the bank is first reduced to 75 % of its budget:
    those vectors are removed that are nearest to another vector of the bank. Then the new category
    adds no more than fits.

    Source: the incremental coreset of CADIC (arXiv:2511.08634), as in public code
    (`IncrementalGreedyCoresetSampler`), where `ratio` is 0.1. That code adds vectors without regard
    to the budget and thins the bank before the next category, so that the bank may exceed it. It
    starts each selection with a random patch; here it starts with the farthest from the bank, and
    with the patch nearest the mean if the bank is empty. It looks up distances to other vectors in
    a shuffled order, so that other vectors are removed than the nearest ones.
    """

    Params = IncrementalCoresetParams

    @classmethod
    def with_memory(
        cls, params: IncrementalCoresetParams, vectors: int, categories: int
    ) -> IncrementalCoresetParams:
        return params.replace(bank_budget=max(4, vectors))

    def add(self, experience: TrainExperience, category: str) -> None:
        coresets, budget = self.context.coresets, self.params.bank_budget
        size = self.params.class_budget
        if self.params.ratio:
            size = max(1, int(self.params.ratio * coresets.patch_count(experience, category)))
        stored = sum(len(block) for block in self.bank)
        if self.bank and stored + size > budget:
            self.bank = thin(self.context, self.bank, int(KEPT_SHARE * budget))
            stored = sum(len(block) for block in self.bank)
        new = coresets.select_uncovered(
            experience, category, min(size, budget - stored), self.bank, seed=self.context.seed
        )
        self.bank = [*self.bank, new]


def thin(context: MethodContext, bank: Sequence[Block], size: int) -> list[Block]:
    """Keep the `size` vectors of a bank that are farthest from their nearest other vector."""
    import torch

    vectors = torch.cat([block.vectors for block in bank])
    distances = context.neighbors.k_nearest(vectors, bank, 2)[0][:, -1].cpu().numpy()
    return take_rows(bank, np.argsort(-distances, kind="stable")[:size])
