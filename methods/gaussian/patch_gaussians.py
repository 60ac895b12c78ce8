"""One Gaussian per patch position: mergeable moments, and Mahalanobis distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of patches at P positions.

    Attributes:
        count: number of images.
        mean: (P, d).
        scatter: (P, d, d) sums of outer products of the deviations from the mean. Plain sums of
            products would lose digits if deviations are small compared to the mean.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, patches: Tensor) -> Moments:
        """Compute the moments of patches (B, P, d) in float64."""
        values = patches.double().transpose(0, 1)  # (P, B, d)
        mean = values.mean(1)
        deviations = values - mean[:, None]
        return cls(values.shape[1], mean, deviations.mT @ deviations)

    def merged(self, other: Moments) -> Moments:
        """Moments of both sets of images together, in float64 (Chan, Golub and LeVeque 1983)."""
        total = self.count + other.count
        difference = other.mean.double() - self.mean.double()
        mean = self.mean.double() + difference * (other.count / total)
        between = difference[:, :, None] * difference[:, None, :]
        scatter = self.scatter.double() + other.scatter.double()
        scatter += between * (self.count * other.count / total)
        return Moments(total, mean, scatter)

    def to_float32(self) -> Moments:
        """The same moments in float32, as they are stored."""
        return Moments(
            self.count, self.mean.float().contiguous(), self.scatter.float().contiguous()
        )

    @property
    def nbytes(self) -> int:
        """Bytes of mean and scatter."""
        return int(self.mean.nbytes + self.scatter.nbytes)


def moments_of(batches: Iterable[Tensor]) -> Moments:
    """Moments of all batches (B, P, d) together, in float64; needs at least one batch."""
    moments: Moments | None = None
    for patches in batches:
        new = Moments.of(patches)
        moments = new if moments is None else moments.merged(new)
    assert moments is not None, "a category has training images"
    return moments


@dataclass(frozen=True, eq=False)
class Gaussians:
    """One Gaussian per patch position, prepared for Mahalanobis distances.

    Attributes:
        mean: (P, d) float32.
        whitener: (P, d, d) float32, the inverse of the lower Cholesky factor of the covariance:
            the norm of a whitened deviation is its Mahalanobis distance.
    """

    mean: Tensor
    whitener: Tensor

    @classmethod
    def of(cls, moments: Moments, regularisation: float) -> Gaussians:
        """Fit Gaussians: unbiased covariances plus `regularisation` on the diagonal."""
        import torch

        covariance = moments.scatter.double() / max(1, moments.count - 1)
        covariance.diagonal(dim1=1, dim2=2).add_(regularisation)
        factor = torch.linalg.cholesky(covariance)
        identity = torch.eye(factor.shape[1], dtype=factor.dtype, device=factor.device)
        whitener = torch.linalg.solve_triangular(factor, identity, upper=False)
        # Row-major, as after a checkpoint: the last bits of a product depend on the layout.
        return cls(moments.mean.float().contiguous(), whitener.float().contiguous())

    def distances(self, patches: Tensor) -> Tensor:
        """Mahalanobis distances (B, P) of patches (B, P, d) to the Gaussian of their position."""
        deviations = (patches - self.mean).permute(1, 2, 0)  # (P, d, B)
        return (self.whitener @ deviations).square().sum(1).sqrt().T

    @property
    def nbytes(self) -> int:
        """Bytes of mean and whitener."""
        return int(self.mean.nbytes + self.whitener.nbytes)
