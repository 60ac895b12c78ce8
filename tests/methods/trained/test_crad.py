"""CRAD: its queries, its gate and its schedule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.methods.trained.networks.continuous_memory import ContinuousMemory, gated_residuals
from cadbench.methods.trained.plugins.schedule import LowerRate

from tests.methods.trained.training import first_batch, taught


def bilinear(grid, x, y):
    """What a grid (C, n, n) holds at x, y in -1..1, as `grid_sample` without aligned corners."""
    side = grid.shape[1]
    column, row = ((each + 1) * side / 2 - 0.5 for each in (x, y))
    total = np.zeros(len(grid))
    for i in range(side):
        for j in range(side):
            total += grid[:, i, j] * max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
    return total


def test_the_grids_are_read_at_the_coordinates_of_patch_and_image():
    torch.manual_seed(0)
    network = ContinuousMemory(3, (2, 2), wide=False).eval()
    for part in (network.local_coordinates[2], network.global_coordinates[2]):
        torch.nn.init.normal_(part.bias)
    features = torch.randn(2, 3, 2, 2)
    with torch.no_grad():
        queried = network.queried(features).numpy()
        near = network.local_coordinates(features).numpy()
        whole = network.global_coordinates(features.mean((2, 3))).numpy()
    for image in range(2):
        seen = bilinear(network.global_grid[0].detach().numpy(), *whole[image])
        np.testing.assert_allclose(queried[image, :3].ravel(), seen, rtol=1e-4, atol=1e-6)
        local = bilinear(network.local_grid[0].detach().numpy(), *near[image, :, 1, 0])
        np.testing.assert_allclose(queried[image, 3:, 1, 0], local, rtol=1e-4, atol=1e-6)


def test_similar_patches_are_mixed_into_their_restoration():
    restored = torch.tensor([[[3.0, 4.0], [0.0, 9.0]]])
    patches = torch.tensor([[[3.0, 0.0], [0.0, 2.0]]])
    # Mean squared errors 8 and 24.5 times 0.05 round to 0 and 1; cosines are 0.6 and 1.
    expected = [[0.0, 4 * (1 - 0.3 - 0.7 * 0.6)], [0.0, 7 * (1 - 0.7)]]
    np.testing.assert_allclose(gated_residuals(restored, patches)[0], expected, rtol=1e-6)


def test_image_scores_are_means_of_windows(stream):
    method = taught(stream, "crad+naive", 1)
    assert float(method.image_scores(torch.eye(14)[None])) == pytest.approx(0.5)
    batch = first_batch(stream, method)
    answer = method.score(batch)
    torch.testing.assert_close(answer.image_scores, answer.maps.flatten(1).amax(1))  # windows of 1


def test_the_rate_falls_once():
    class Optimizer:
        param_groups = ({"lr": 1.0}, {"lr": 100.0})

    class Strategy:
        optimizer, train_epochs = Optimizer(), 5

    plugin, rates = LowerRate(0.8), []
    for _ in range(5):
        plugin.after_training_epoch(Strategy())
        rates.append([group["lr"] for group in Strategy.optimizer.param_groups])
    np.testing.assert_allclose(rates, [[1, 100]] * 3 + [[0.1, 10]] * 2)
