"""Patch and image scores from memory banks: parameters and computation shared by all banks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..benchmark.interface.context import MethodContext
from ..benchmark.interface.experience import TestBatch
from ..benchmark.interface.memory_block import Block
from ..benchmark.interface.params import Params, param
from ..benchmark.interface.prediction import Prediction
from ..results.errors import UsageError
from .patch_prediction import predict_from_distances

if TYPE_CHECKING:
    from torch import Tensor

PatchScore: TypeAlias = Literal["nearest", "lse"]
SearchKind: TypeAlias = Literal["exact", "approximate"]
ImageScore: TypeAlias = Literal["max", "reweighted", "top"]


@dataclass(frozen=True)
class ScoringParams(Params):
    """How a method with memory banks scores; the base of its parameters."""

    patch_score: PatchScore = param(
        "nearest", "score of a patch: nearest distance, or log-sum-exp over several", later=True
    )
    lse_neighbors: int = param(
        16, "nearest vectors that patch_score=lse sums over", low=1, later=True
    )
    image_score: ImageScore = param(
        "max", "score of an image: from its highest patch, or the mean of its top ones", later=True
    )
    reweight_neighbors: int = param(
        9, "nearest vectors that image_score=reweighted compares with", low=2, later=True
    )
    top_share: float = param(
        0.01, "share of the patches that image_score=top averages", above=0, high=1, later=True
    )

    radius: int = param(
        -1,
        "compare a patch only with vectors from up to so many grid cells away (-1: with all)",
        low=-1,
        later=True,
    )
    search: SearchKind = param(
        "exact", "search for nearest vectors; approximate is for banks of many vectors", later=True
    )
    probes: int = param(
        16, "cells of a bank that search=approximate compares a patch with", low=1, later=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.search == "approximate" and self.radius >= 0:
            raise UsageError(
                "search=approximate compares vectors from all places; leave radius at -1, or set "
                "search=exact"
            )
        if self.image_score == "reweighted" and self.radius >= 0:
            raise UsageError(
                "image_score=reweighted compares vectors from all places; leave radius at -1, or "
                "set image_score=max or top"
            )
        if self.image_score == "reweighted" and self.patch_score != "nearest":
            raise UsageError(
                f"image_score=reweighted weights distances, not patch_score={self.patch_score}; "
                "set patch_score=nearest, or image_score=max or top"
            )


@dataclass(frozen=True)
class BankScorer:
    """Scores the images of a batch with memory banks.

    Patch scores:
        nearest: Euclidean distance to the nearest vector of the bank.
        lse: -log of the sum, over the `lse_neighbors` nearest of the K vectors, of
            exp(-distance^2 / 2) / K. This is the energy of a mixture of K equal Gaussians.
            Source: GCR (github.com/jw-chae/GCR).

    Image scores:
        max: the highest patch score.
        reweighted: the highest patch distance s, times 1 - exp(s) / sum of exp(distance of that
            patch to m), over the `reweight_neighbors` vectors m of the bank that are nearest to its
            nearest vector, including that one. Source: equation 7 of PatchCore (Roth et al., CVPR
            2022). A bank of one vector has no weight, and the score is s.
        top: the mean of the highest patch scores, `top_share` of all patches (at least one). GCR
            averages the top share of the pixels of the upsampled map instead.

    With `radius`, a patch is compared with vectors that come from its neighborhood: a square of
    2 * radius + 1 rows and columns of the patch grid. If there are none, it is compared with all.
    The idea is DINOSaur's (arXiv:2605.24251), which also selects vectors per place; here the
    selection is that of the method.
    """

    params: ScoringParams
    context: MethodContext

    def distances(self, batch: TestBatch, bank: Sequence[Block]) -> Tensor:
        """Distance (B, P) of each patch to the nearest vector of a bank."""
        if self.params.radius < 0 and self.params.search == "exact":
            return self.context.neighbors.min_distance(batch, bank)
        return self._search(batch.patches, bank, 1)[:, :, 0]

    def predict(
        self,
        batch: TestBatch,
        distances: Tensor,
        banks: Sequence[tuple[Sequence[Block], Tensor | slice]],
        route: Tensor | None = None,
    ) -> Prediction:
        """Score the images of a batch.

        Args:
            batch: B images.
            distances: (B, P), what `distances` returns for the bank of each image.
            banks: each bank, with the rows of the images that it scores.
            route: (B,) the expert that scored each image; None without experts.
        """
        scores = distances
        if self.params.patch_score == "lse":
            scores = distances.clone()
            for bank, rows in banks:
                scores[rows] = self._energies(batch.patches[rows], bank)
        prediction = predict_from_distances(scores, self.context.grid, route)
        if self.params.image_score == "max":
            return prediction
        if self.params.image_score == "top":
            count = max(1, round(self.params.top_share * scores.shape[1]))
            images = scores.topk(count, dim=1).values.mean(1)
        else:
            images = prediction.image_scores.clone()
            for bank, rows in banks:
                images[rows] *= self._weights(batch.patches[rows], distances[rows], bank)
        return Prediction(images, prediction.maps, route)

    def _energies(self, patches: Tensor, bank: Sequence[Block]) -> Tensor:
        """Patch scores (n, P) of patches (n, P, D) by log-sum-exp."""
        found = self._search(patches, bank, self.params.lse_neighbors)
        sums = found.double().square().div_(-2).logsumexp(2)
        return (math.log(sum(len(block) for block in bank)) - sums).float()

    def _search(self, patches: Tensor, bank: Sequence[Block], k: int) -> Tensor:
        """Distances (n, P, min(k, K)) of patches (n, P, D) to their k nearest vectors."""
        if self.params.radius >= 0:
            return self.context.neighbors.k_nearest_in_window(
                patches, bank, k, grid=self.context.grid, radius=self.params.radius
            )
        distances, _ = self._k_nearest(patches.flatten(0, 1), bank, k)
        return distances.unflatten(0, patches.shape[:2])

    def _k_nearest(self, queries: Tensor, bank: Sequence[Block], k: int) -> tuple[Tensor, Tensor]:
        neighbors = self.context.neighbors
        if self.params.search == "exact":
            return neighbors.k_nearest(queries, bank, k)
        return neighbors.approximate_k_nearest(queries, bank, k, self.params.probes)

    def _weights(self, patches: Tensor, distances: Tensor, bank: Sequence[Block]) -> Tensor:
        """Weights (n,) of the image scores of patches (n, P, D) with distances (n, P)."""
        import torch

        if sum(len(block) for block in bank) == 1:
            return torch.ones_like(distances[:, 0])
        images = torch.arange(len(patches), device=patches.device)
        farthest = patches[images, distances.argmax(1)]
        vectors = torch.cat([block.vectors for block in bank])
        nearest = self._k_nearest(farthest, bank, 1)[1][:, 0]
        _, rows = self._k_nearest(vectors[nearest], bank, self.params.reweight_neighbors)
        support = torch.linalg.vector_norm(
            vectors[rows].double() - farthest.double()[:, None], dim=2
        )
        largest = distances.amax(1).double()
        return (1 - (largest - support.logsumexp(1)).exp()).float()
