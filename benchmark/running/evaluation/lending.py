"""What a run lends to one method: a context whose services give no access to caches or files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...interface.context import MethodContext, Routing
from ...interface.experience import TestBatch, TrainExperience
from ...interface.memory_block import Block
from ...interface.opaque import Opaque, conceal, reveal
from ...interface.services import Backbone, Selector, Start
from .shared_blocks import SharedBlocks

if TYPE_CHECKING:
    import torch

    from ...services.coresets.service import Coresets
    from ...services.neighbors.service import Neighbors


class Features(Protocol):
    """The part of `features.feature_set.FeatureSet` that a context uses."""

    @property
    def device(self) -> torch.device: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def grid(self) -> tuple[int, int]: ...


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

    def context(self, features: Features, seed: int, routing: Routing) -> MethodContext:
        """Make the context of a method.

        Args:
            features: the features of the run.
            seed: seed of the method's random generators.
            routing: routing of the run.
        """
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
    """Implements `interface.services.Backbone`."""

    __slots__ = ("_backbone",)

    def __init__(self, backbone: Opaque[Backbone]) -> None:
        self._backbone = backbone

    @property
    def channels(self) -> tuple[int, ...]:
        """Number of channels of each layer, finest layer first."""
        return reveal(self._backbone).channels

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of each layer."""
        return reveal(self._backbone).strides

    def normalized(self, images: torch.Tensor) -> torch.Tensor:
        """Normalize images (B, 3, H, W), uint8 or float32 in 0..1, for the backbone: float32."""
        return reveal(self._backbone).normalized(images)

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps (B, C_i, h_i, w_i) of each layer, without gradients."""
        return reveal(self._backbone).maps(images)

    def prefix_shape(self, length: int) -> tuple[int, int, int, int]:
        """The shape (blocks, 2, length, D) of the prefixes of `prompted_maps`."""
        return reveal(self._backbone).prefix_shape(length)

    def prompted_maps(
        self, images: torch.Tensor, prefixes: torch.Tensor | None
    ) -> list[torch.Tensor]:
        """Maps of each layer when blocks also attend to prefixes, which receive gradients."""
        return reveal(self._backbone).prompted_maps(images, prefixes)

    def untrained(self, seed: int) -> torch.nn.Module:
        """Return a trainable network of the same architecture with random weights."""
        return reveal(self._backbone).untrained(seed)

    def trainable_copy(self) -> torch.nn.Module:
        """Return a copy of the network with its weights, which receive gradients."""
        return reveal(self._backbone).trainable_copy()


class _LentCoresets(_Lent):
    """Implements `interface.services.CoresetService`, which documents the methods."""

    __slots__ = ()

    def select(
        self,
        experience: TrainExperience,
        category: str,
        size: int,
        *,
        selector: Selector = "greedy",
        start: Start = "mean",
        seed: int = 0,
    ) -> Block:
        loan = reveal(self._loan)
        block = loan.coresets.select(
            experience, category, size, selector=selector, start=start, seed=seed
        )
        return loan.blocks.lend(block)

    def select_uncovered(
        self,
        experience: TrainExperience,
        category: str,
        size: int,
        bank: Sequence[Block],
        *,
        seed: int = 0,
    ) -> Block:
        loan = reveal(self._loan)
        loan.blocks.verify(bank)
        return loan.coresets.select_uncovered(experience, category, size, bank, seed=seed)

    def centroid(self, experience: TrainExperience, category: str) -> np.ndarray:
        return reveal(self._loan).coresets.centroid(experience, category).copy()

    def patch_count(self, experience: TrainExperience, category: str) -> int:
        return reveal(self._loan).coresets.patch_count(experience, category)

    def gather(self, experience: TrainExperience, category: str, rows: np.ndarray) -> Block:
        return reveal(self._loan).coresets.gather(experience, category, rows)

    def everything(self, experience: TrainExperience, category: str) -> Block:
        return reveal(self._loan).coresets.everything(experience, category)

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        loan = reveal(self._loan)
        loan.blocks.verify(blocks)
        return loan.coresets.reduce(blocks, size).copy()


class _LentNeighbors(_Lent):
    """Implements `interface.services.NeighborService`, which documents the methods."""

    __slots__ = ()

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> torch.Tensor:
        loan = self._use(blocks)
        return loan.neighbors.min_distance(batch, blocks, verify=loan.blocks.verify)

    def _use(self, blocks: Sequence[Block]) -> Loan:
        """Register the blocks of a request."""
        loan = reveal(self._loan)
        for block in blocks:
            loan.blocks.use(block)
        return loan

    def k_nearest(
        self, queries: torch.Tensor, blocks: Sequence[Block], k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._use(blocks).neighbors.k_nearest(queries, blocks, k)

    def k_nearest_in_window(
        self,
        patches: torch.Tensor,
        blocks: Sequence[Block],
        k: int,
        *,
        grid: tuple[int, int],
        radius: int,
    ) -> torch.Tensor:
        return self._use(blocks).neighbors.k_nearest_in_window(
            patches, blocks, k, grid=grid, radius=radius
        )

    def forget(self) -> None:
        reveal(self._loan).neighbors.forget()
