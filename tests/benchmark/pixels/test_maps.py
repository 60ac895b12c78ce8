"""Full maps equal bilinear interpolation followed by Gaussian smoothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.pixels.maps import MapSpec, full_maps
from cadbench.results.errors import UsageError
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate


def plain(maps: torch.Tensor, size: int, sigma: float) -> np.ndarray:
    """Bilinear interpolation, then SciPy's Gaussian filter, image by image."""
    large = interpolate(
        maps[:, None].double(), size=(size, size), mode="bilinear", align_corners=False
    )
    return np.stack([gaussian_filter(one, sigma) if sigma else one for one in large[:, 0].numpy()])


@pytest.mark.parametrize("sigma", [0, 1.5, 4, 40])
@pytest.mark.parametrize("grid", [(28, 28), (7, 14), (1, 1), (64, 64)])
def test_a_full_map_is_the_upsampled_and_smoothed_patch_map(grid, sigma):
    maps = torch.rand((3, *grid), generator=torch.Generator().manual_seed(0)).half()
    full = full_maps(maps, 64, MapSpec(sigma=sigma))
    assert full.dtype == torch.float32
    np.testing.assert_allclose(full.numpy(), plain(maps, 64, sigma), atol=1e-7)


def test_the_default_is_the_published_sigma_on_224_pixels():
    maps = torch.rand((2, 28, 28), generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(
        full_maps(maps, 224, MapSpec()).numpy(), plain(maps, 224, 4.0), atol=1e-7
    )


def test_the_map_of_an_image_does_not_depend_on_the_batch():
    maps = torch.rand((70, 28, 28), generator=torch.Generator().manual_seed(2)).half()
    together = full_maps(maps, 224, MapSpec())
    for index in (0, 33, 69):
        alone = full_maps(maps[index : index + 1], 224, MapSpec())
        assert torch.equal(alone[0], together[index])


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf"), "4", 1001])
def test_an_invalid_sigma_is_an_error(sigma):
    with pytest.raises(UsageError, match="sigma is a number of pixels from 0 to 1000"):
        MapSpec(sigma=sigma)


def test_an_int_and_a_float_sigma_have_equal_keys():
    assert MapSpec(sigma=4).as_dict() == {"upsampling": "bilinear", "sigma": 4.0}
    assert isinstance(MapSpec(sigma=4).sigma, float)
