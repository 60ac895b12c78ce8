"""What a run lends to one method: a context whose services give no access to caches or files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...interface.context import MethodContext, Routing
from ...interface.experience import TestBatch
from ...interface.memory_block import Block
from ...interface.opaque import Opaque, conceal, reveal
from ...interface.services import Backbone
from .shared_blocks import SharedBlocks

if TYPE_CHECKING:
    import torch

    from ...features.feature_set import FeatureSet
    from ...services.coresets.service import Coresets
    from ...services.neighbors.service import Neighbors


@dataclass(eq=False)
class Loan:
    """The services of a run that one method may use, and how the method used them.

    Attributes:
        coresets: the service of the run.
        neighbors: the service of the run.
        load_backbone: loads the backbone; None if there is none.
        record: appends an event, given its kind and values.
        blocks: the blocks that the method exchanged with the services.
    """

    coresets: Coresets
    neighbors: Neighbors
    load_backbone: Callable[[], Backbone] | None
    record: Callable[[str, Mapping[str, Any]], None]
    blocks: SharedBlocks = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = SharedBlocks(self.coresets, self.neighbors)

    def context(self, features: FeatureSet, seed: int, routing: Routing) -> MethodContext:
        """Make the context of a method."""
        loan = conceal(self)
        return MethodContext(
            seed=seed,
            device=features.device,
            feature_dim=features.shape[1],
            grid=features.grid,
            routing=routing,
            coresets=_LentCoresets(loan),
            neighbors=_LentNeighbors(loan),
            _record=_Recorder(loan),
            _backbone=None if self.load_backbone is None else _BackboneLoader(loan),
        )

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> torch.Tensor:
        """The service's distances, with the blocks registered."""
        self.blocks.use(blocks)
        return self.neighbors.min_distance(batch, blocks, verify=self.blocks.verify)


class _Lent:
    """An object that a method gets in place of a part of the run, which it cannot reach."""

    __slots__ = ("_loan",)

    def __init__(self, loan: Opaque[Loan]) -> None:
        self._loan = loan


class _Recorder(_Lent):
    """Appends events."""

    def __call__(self, kind: str, values: Mapping[str, Any]) -> None:
        reveal(self._loan).record(kind, values)


class _BackboneLoader(_Lent):
    """Loads the backbone."""

    def __call__(self) -> Backbone:
        load = reveal(self._loan).load_backbone
        assert load is not None
        return _LentBackbone(conceal(load()))


class _LentBackbone:
    """Implements `interface.services.Backbone`, which documents the methods."""

    __slots__ = ("_backbone",)

    def __init__(self, backbone: Opaque[Backbone]) -> None:
        self._backbone = backbone

    @property
    def channels(self) -> tuple[int, ...]:
        return reveal(self._backbone).channels

    @property
    def strides(self) -> tuple[int, ...]:
        return reveal(self._backbone).strides

    def normalized(self, images: torch.Tensor) -> torch.Tensor:
        return reveal(self._backbone).normalized(images)

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        return reveal(self._backbone).maps(images)

    def prefix_shape(self, length: int) -> tuple[int, int, int, int]:
        return reveal(self._backbone).prefix_shape(length)

    def prompted_maps(
        self, images: torch.Tensor, prefixes: torch.Tensor | None
    ) -> list[torch.Tensor]:
        return reveal(self._backbone).prompted_maps(images, prefixes)

    def untrained(self, seed: int) -> torch.nn.Module:
        return reveal(self._backbone).untrained(seed)

    def trainable_copy(self) -> torch.nn.Module:
        return reveal(self._backbone).trainable_copy()


class _LentCoresets(_Lent):
    """Implements `interface.services.CoresetService`, which documents methods and arguments."""

    __slots__ = ()

    def select(self, *given: Any, **options: Any) -> Block:
        loan = reveal(self._loan)
        return loan.blocks.lend(loan.coresets.select(*given, **options))

    def select_uncovered(
        self, experience: Any, category: str, size: int, bank: Sequence[Block], **options: Any
    ) -> Block:
        loan = reveal(self._loan)
        loan.blocks.verify(bank)
        return loan.coresets.select_uncovered(experience, category, size, bank, **options)

    def centroid(self, *given: Any) -> np.ndarray:
        return reveal(self._loan).coresets.centroid(*given).copy()

    def patch_count(self, *given: Any) -> int:
        return reveal(self._loan).coresets.patch_count(*given)

    def gather(self, *given: Any) -> Block:
        return reveal(self._loan).coresets.gather(*given)

    def everything(self, *given: Any) -> Block:
        return reveal(self._loan).coresets.everything(*given)

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        loan = reveal(self._loan)
        loan.blocks.verify(blocks)
        return loan.coresets.reduce(blocks, size).copy()


class _LentNeighbors(_Lent):
    """Implements `interface.services.NeighborService`, which documents methods and arguments."""

    __slots__ = ()

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> torch.Tensor:
        return reveal(self._loan).min_distance(batch, blocks)

    def k_nearest(
        self, queries: torch.Tensor, blocks: Sequence[Block], k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._use(blocks).neighbors.k_nearest(queries, blocks, k)

    def approximate_k_nearest(
        self, queries: torch.Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._use(blocks).neighbors.approximate_k_nearest(queries, blocks, k, probes)

    def k_nearest_in_window(
        self, patches: torch.Tensor, blocks: Sequence[Block], k: int, **options: Any
    ) -> torch.Tensor:
        return self._use(blocks).neighbors.k_nearest_in_window(patches, blocks, k, **options)

    def forget(self) -> None:
        reveal(self._loan).neighbors.forget()

    def _use(self, blocks: Sequence[Block]) -> Loan:
        """Register the blocks of a request."""
        loan = reveal(self._loan)
        loan.blocks.use(blocks)
        return loan
