"""Full-size maps from patch maps: bilinear upsampling, then Gaussian smoothing.

Both are linear and separable, so together they are one small matrix A: the full map of a patch map
M is A M A^T. Two small products replace an interpolation and two convolutions; on the CPU they skip
the zeros of A.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...results.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from .upsampling import BandMatrix

SIGMA = 4.0
"""In pixels; the published value of PatchCore (Roth et al. 2022)."""
_MAX_SIGMA = 1000


@dataclass(frozen=True)
class MapSpec:
    """How a patch map becomes a full-size map; part of a cell and of its protocol.

    Args:
        upsampling: `bilinear`.
        sigma: standard deviation of the smoothing, in pixels of the preprocessed image; 0 turns it
            off. The kernel ends at four deviations; the map is mirrored at its border.
    """

    upsampling: str = "bilinear"
    sigma: float = SIGMA

    def __post_init__(self) -> None:
        if self.upsampling != "bilinear":
            raise UsageError(f"maps are upsampled bilinearly, not by {self.upsampling!r}")
        if not (isinstance(self.sigma, int | float) and 0 <= self.sigma <= _MAX_SIGMA):
            raise UsageError(
                f"a map's sigma is a number of pixels from 0 to {_MAX_SIGMA}, not {self.sigma!r}"
            )
        object.__setattr__(self, "sigma", float(self.sigma))

    def as_dict(self) -> dict[str, Any]:
        """Its part of a cell's key."""
        return asdict(self)


def full_maps(maps: Tensor, size: int, spec: MapSpec) -> Tensor:
    """Upsample and smooth patch maps.

    Computed in float64 and rounded once, so that machines agree.

    Args:
        maps: (B, h, w), any float type.
        size: side of the full maps in pixels.
        spec: the upsampling and the smoothing.

    Returns:
        (B, size, size) float32 on the device of `maps`.
    """
    height, width = maps.shape[1:]
    if maps.device.type == "cpu":
        import torch

        from .upsampling import upsample

        bands = _band_matrix(height, size, spec.sigma), _band_matrix(width, size, spec.sigma)
        return torch.from_numpy(upsample(maps.double().contiguous().numpy(), *bands))
    rows, columns = (_matrix(n, size, spec.sigma).to(maps.device) for n in (height, width))
    return (rows @ maps.double() @ columns.T).float()


@functools.cache
def _band_matrix(patches: int, size: int, sigma: float) -> BandMatrix:
    from .upsampling import BandMatrix

    return BandMatrix.from_dense(_matrix(patches, size, sigma).numpy())


@functools.cache
def _matrix(patches: int, size: int, sigma: float) -> Tensor:
    """A (size, patches) float64: the weight of each patch of a line in each of its pixels."""
    import torch
    from torch.nn.functional import interpolate

    unit = torch.eye(patches, dtype=torch.float64)
    matrix = interpolate(unit[None], size=size, mode="linear", align_corners=False)[0].T
    if sigma:
        from scipy.ndimage import gaussian_filter1d

        smoothed = gaussian_filter1d(matrix.numpy(), sigma, axis=0, mode="reflect", truncate=4.0)
        matrix = torch.from_numpy(smoothed)
    return matrix.contiguous()
