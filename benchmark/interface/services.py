"""Protocols of what the benchmark lends to methods: the backbone, coresets, nearest neighbors.

The implementations are in `benchmark.features` and `benchmark.services`. Methods, and everything
else in this package, know only these types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .experience import TestBatch, TrainExperience
    from .memory_block import Block

SMALLEST_APPROXIMATE = 16_384
"""Vectors of the smallest block that `approximate_k_nearest` groups into cells."""

Selector: TypeAlias = Literal["greedy", "approximate_greedy", "random", "herding", "kmeans"]
"""How a coreset is selected; `CoresetService.select` explains each."""

Start: TypeAlias = Literal["mean", "random"]
"""First pick of a greedy selection: the patch nearest the mean of all patches, or a random one."""


class Backbone(Protocol):
    """The frozen backbone of the run, for methods that look at images.

    Attributes:
        channels: number of channels of each layer, finest layer first.
        strides: stride of each layer.
    """

    @property
    def channels(self) -> tuple[int, ...]: ...

    @property
    def strides(self) -> tuple[int, ...]: ...

    def normalized(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W), uint8 or float32 in 0..1, as the backbone takes them: float32."""

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (B, C_i, h_i, w_i) of each layer, without gradients."""

    def prefix_shape(self, length: int) -> tuple[int, int, int, int]:
        """The shape (blocks, 2, length, D) of the prefixes of `prompted_maps`.

        Raises:
            UsageError: the backbone is no vision transformer.
        """

    def prompted_maps(
        self, images: torch.Tensor, prefixes: torch.Tensor | None
    ) -> list[torch.Tensor]:
        """Maps of each layer when the blocks of a vision transformer also attend to prefixes.

        Args:
            images: as for `normalized`.
            prefixes: (blocks, 2, L, D) key and value vectors per block, which receive gradients;
                None gives the maps without prefixes.

        Raises:
            UsageError: the backbone is no vision transformer.
        """

    def untrained(self, seed: int) -> torch.nn.Module:
        """A trainable network of the same architecture with random weights.

        It takes normalized images and returns the list of feature maps.
        """

    def trainable_copy(self) -> torch.nn.Module:
        """A copy of the network with its weights, which receive gradients.

        It takes normalized images and returns the list of feature maps, in evaluation mode.
        """


class CoresetService(Protocol):
    """Selects coresets of training patches; equal requests of all cells are computed once."""

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
        """Select a coreset of the training patches of a category.

        Args:
            experience: the experience that shows the category.
            category: one of the categories of the experience.
            size: number of patches; if there are fewer, all are selected.
            selector: `greedy`: exact greedy k-center selection; `approximate_greedy`: the variant
                published with PatchCore; `random`: a uniform sample; `herding`: patches whose
                running mean follows the mean of all patches; `kmeans`: the patch nearest each
                cluster center.
            start: first pick of the greedy selectors.
            seed: seed of the selections that draw random numbers.

        Returns:
            A block of min(size, N) vectors in selection order. Except for `kmeans`, its first k
            vectors are the selection of size k.
        """

    def select_uncovered(
        self,
        experience: TrainExperience,
        category: str,
        size: int,
        bank: Sequence[Block],
        *,
        seed: int = 0,
    ) -> Block:
        """Select training patches of a category that a bank does not cover.

        Each selected patch is the farthest from the bank and from those selected before it, after a
        random projection to 128 dimensions.

        Args:
            experience: the experience that shows the category.
            category: one of the categories of the experience.
            size: number of patches; if there are fewer, all are selected.
            bank: the blocks of the bank; none: the patch nearest the mean is selected first.
            seed: seed of the projection.

        Returns:
            A block of min(size, N) vectors in selection order.
        """

    def centroid(self, experience: TrainExperience, category: str) -> np.ndarray:
        """Mean (D,) float64 of all training patches of a category."""

    def patch_count(self, experience: TrainExperience, category: str) -> int:
        """Number of training patches of a category."""

    def gather(self, experience: TrainExperience, category: str, rows: np.ndarray) -> Block:
        """The training patches at `rows` (n,), counted over all images of the category."""

    def everything(self, experience: TrainExperience, category: str) -> Block:
        """All training patches of a category."""

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        """Exact greedy k-center selection of `size` vectors from several blocks.

        Returns:
            Indices into the concatenated blocks, in selection order, starting with the vector
            nearest the mean; all indices if there are no more than `size`.
        """


class NeighborService(Protocol):
    """Nearest-neighbor distances; each distance is computed once and shared by all cells."""

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> torch.Tensor:
        """Euclidean distance (B, P) float32 of each patch to its nearest vector in the blocks."""

    def k_nearest(
        self, queries: torch.Tensor, blocks: Sequence[Block], k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The k nearest vectors of each query; exact, but not cached.

        Args:
            queries: (N, D) float32.
            blocks: one or more blocks, M vectors in all.
            k: number of vectors, at least 1; if there are fewer, all of them.

        Returns:
            Distances (N, min(k, M)) float32, ascending, and the rows of the vectors in the
            concatenated blocks, int64.
        """

    def approximate_k_nearest(
        self, queries: torch.Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Approximately the k nearest vectors of each query, much faster in large blocks.

        The M vectors of a block are grouped into 2 sqrt(M) cells by k-means, and a query is
        compared with those in the cells of the nearest centers, on the CPU (FAISS's inverted file).
        Blocks of fewer than 16,384 vectors have their cells together, or none if they have fewer
        in all. Only the cells are cached.

        Args:
            queries: (N, D) float32.
            blocks: one or more blocks, M vectors in all.
            k: number of vectors, at least 1; if there are fewer, all of them.
            probes: cells of each block that a query is compared with.

        Returns:
            Distances and rows as of `k_nearest`; distances are correctly rounded, but nearer
            vectors may be missing.
        """

    def k_nearest_in_window(
        self,
        patches: torch.Tensor,
        blocks: Sequence[Block],
        k: int,
        *,
        grid: tuple[int, int],
        radius: int,
    ) -> torch.Tensor:
        """The k nearest vectors of each patch that come from its neighborhood; not cached.

        Args:
            patches: (B, P, D) float32.
            blocks: one or more blocks with places, M vectors in all.
            k: number of vectors, at least 1.
            grid: (h, w) of the patch grid.
            radius: the neighborhood is a square of 2 * radius + 1 rows and columns of the grid.
                A patch without vectors in it is compared with all.

        Returns:
            Distances (B, P, min(k, M)) float32, ascending; infinite if a neighborhood has fewer.
        """

    def forget(self) -> None:
        """Drop the cached distances, for methods whose blocks never return."""
