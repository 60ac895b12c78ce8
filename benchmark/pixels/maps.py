"""From patch maps to maps of the image's size: bilinear upsampling, then Gaussian smoothing.

Both are linear and separable, so together they are one small matrix A: the full map of a patch map
M is A M A^T. A patch map costs two small products instead of an interpolation and two convolutions;
on the CPU those with the few values of A that are not zero.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...results.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from .enlarging import Bands

SIGMA = 4.0
"""Pixels; the value published with PatchCore (Roth et al. 2022)."""
_LARGEST_SIGMA = 1000


@dataclass(frozen=True)
class MapSpec:
    """How a patch map is brought to the image's size; part of a cell and of its protocol.

    sigma: standard deviation of the smoothing in pixels of the preprocessed image, 0 for none;
    the kernel ends at four deviations and the map is mirrored at its border.
    """

    upsampling: str = "bilinear"
    sigma: float = SIGMA

    def __post_init__(self) -> None:
        if self.upsampling != "bilinear":
            raise UsageError(f"maps are upsampled bilinearly, not by {self.upsampling!r}")
        if not (isinstance(self.sigma, int | float) and 0 <= self.sigma <= _LARGEST_SIGMA):
            raise UsageError(
                f"a map's sigma is a number of pixels from 0 to {_LARGEST_SIGMA}, "
                f"not {self.sigma!r}"
            )
        object.__setattr__(self, "sigma", float(self.sigma))

    def as_dict(self) -> dict[str, Any]:
        """The part of a key that names it."""
        return asdict(self)


def full_maps(maps: Tensor, size: int, spec: MapSpec) -> Tensor:
    """maps (B, h, w) of any float type -> (B, size, size) float32 on the same device.

    Worked out in float64 and rounded once, so that machines agree.
    """
    height, width = maps.shape[1:]
    if maps.device.type == "cpu":
        import torch

        from .enlarging import enlarged

        bands = _bands(height, size, spec.sigma), _bands(width, size, spec.sigma)
        return torch.from_numpy(enlarged(maps.double().contiguous().numpy(), *bands))
    rows, columns = (_operator(n, size, spec.sigma).to(maps.device) for n in (height, width))
    return (rows @ maps.double() @ columns.T).float()


@functools.cache
def _bands(patches: int, size: int, sigma: float) -> Bands:
    from .enlarging import Bands

    return Bands.of(_operator(patches, size, sigma).numpy())


@functools.cache
def _operator(patches: int, size: int, sigma: float) -> Tensor:
    """A (size, patches) float64: what each patch of a line contributes to each of its pixels."""
    import torch
    from torch.nn.functional import interpolate

    unit = torch.eye(patches, dtype=torch.float64)
    matrix = interpolate(unit[None], size=size, mode="linear", align_corners=False)[0].T
    if sigma:
        from scipy.ndimage import gaussian_filter1d

        smoothed = gaussian_filter1d(matrix.numpy(), sigma, axis=0, mode="reflect", truncate=4.0)
        matrix = torch.from_numpy(smoothed)
    return matrix.contiguous()
