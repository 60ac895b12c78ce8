"""UniAD: its transformer computed by hand, its mask, its noise and its image score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.methods.trained.transformers.layers import neighbor_mask
from cadbench.results.errors import UsageError

from tests.methods.trained.training import built, first_batch, taught, training_patches


def linear(held, name, values):
    return values @ held[f"{name}.weight"].T + held[f"{name}.bias"]


def norm(held, name, values):
    centered = values - values.mean(-1, keepdims=True)
    scaled = centered / np.sqrt(np.square(centered).mean(-1, keepdims=True) + 1e-5)
    return scaled * held[f"{name}.weight"] + held[f"{name}.bias"]


def attention(held, name, query, key, value, hidden, heads=2):
    q, k, v = (
        linear(held, f"{name}.{part}", each)
        for part, each in (("query", query), ("key", key), ("value", value))
    )
    size = q.shape[1] // heads
    columns = []
    for start in range(0, q.shape[1], size):
        part = slice(start, start + size)
        scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
        if hidden is not None:
            scores[hidden] = 0
        columns.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
    return linear(held, f"{name}.out", np.concatenate(columns, 1))


def feedforward(held, name, values):
    return linear(held, f"{name}.second", np.maximum(linear(held, f"{name}.first", values), 0))


def reconstruction(held, tokens, grid, hidden):
    """What a network with one layer each in encoder and decoder makes of tokens (T, D)."""
    places = [
        np.concatenate([held["columns"][column], held["rows"][row]])
        for row in range(grid[0])
        for column in range(grid[1])
    ]
    positions = np.array(places)
    values = linear(held, "enter", tokens)
    keys, layer = values + positions, "encoder.0"
    values = norm(
        held,
        f"{layer}.norms.0",
        values + attention(held, f"{layer}.attention", keys, keys, values, hidden),
    )
    encoded = norm(
        held, f"{layer}.norms.1", values + feedforward(held, f"{layer}.feedforward", values)
    )
    layer = "decoder.0"
    values, memory = held[f"{layer}.attention.queries"], encoded + positions
    for index, part in enumerate(("encoded", "previous")):
        place = f"{layer}.attention.{part}"
        attended = attention(held, place, values + positions, memory, encoded, hidden)
        values = norm(held, f"{layer}.norms.{index}", values + attended)
    values = norm(
        held, f"{layer}.norms.2", values + feedforward(held, f"{layer}.feedforward", values)
    )
    return linear(held, "leave", norm(held, "norm", values))


@pytest.mark.parametrize(("pooling", "mask"), [(1, 3), (2, 0)])
def test_maps_are_distances_to_the_reconstruction_computed_by_hand(stream, pooling, mask):
    method = taught(stream, "uniad+naive", 1, pooling=pooling, neighbor_mask=mask)
    held = {n: v.numpy().astype(np.float64) for n, v in method.network.state_dict().items()}
    batch = first_batch(stream, method)
    side = 4 // pooling
    image = batch.patches.numpy().astype(np.float64).reshape(-1, side, pooling, side, pooling, 8)
    tokens = image.mean((2, 4)).reshape(len(image), -1, 8)
    places = [(row, column) for row in range(side) for column in range(side)]
    hidden = np.array([[max(abs(a - c), abs(b - d)) <= 1 for c, d in places] for a, b in places])
    rebuilt = np.stack(
        [reconstruction(held, each, (side, side), hidden if mask else None) for each in tokens]
    )
    distances = np.linalg.norm(rebuilt - tokens, axis=2).reshape(-1, 1, side, side)
    maps = torch.nn.Upsample(size=(4, 4), mode="bilinear")(torch.from_numpy(distances))[:, 0]
    answer = method.score(batch)
    np.testing.assert_allclose(answer.maps.numpy(), maps.numpy(), rtol=1e-4)
    means = [
        maps[:, row : row + 2, column : column + 2].mean((1, 2))
        for row in range(3)
        for column in range(3)
    ]
    np.testing.assert_allclose(answer.image_scores, torch.stack(means).amax(0), rtol=1e-4)
    with torch.no_grad():
        losses = method.network(batch.patches).square().sum(1)
    np.testing.assert_allclose(losses, np.square(rebuilt - tokens).mean((1, 2)), rtol=1e-4)


def test_noise_is_added_in_training_in_proportion_to_the_length_of_a_token(stream):
    method = built(stream, "uniad+naive", jitter=4.0, pooling=1)
    network, patches = method.untrained(), training_patches(stream, stream.categories[0])
    entered = []
    network.enter.register_forward_hook(lambda layer, inputs, _: entered.append(inputs[0]))
    torch.manual_seed(0)
    noise = torch.randn_like(patches)
    torch.manual_seed(0)
    network.train()(patches)
    network.eval()(patches)
    lengths = patches.norm(dim=2, keepdim=True)
    torch.testing.assert_close(entered[0], patches + 4 / 8 * lengths * noise)
    torch.testing.assert_close(entered[1], patches)


def test_the_neighbor_mask_hides_a_square_and_never_everything():
    hidden = neighbor_mask((3, 4), 3).reshape(3, 4, 3, 4)
    assert hidden[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert hidden[1, 3].int().tolist() == [[0, 0, 1, 1]] * 3
    assert neighbor_mask((3, 4), 0) is None
    with pytest.raises(UsageError, match=r"neighbor_mask=5 hides all 3 x 3 tokens"):
        neighbor_mask((3, 3), 5)


def test_a_width_that_the_heads_do_not_divide_is_an_error(stream):
    for wrong in ({"width": 6, "heads": 4}, {"width": 3, "heads": 3}, {"neighbor_mask": 2}):
        with pytest.raises(UsageError, match=r"expected (an even multiple|0 or an odd)"):
            built(stream, "uniad+naive", **wrong)


def test_mir_compares_losses_with_the_same_noise(stream, monkeypatch):
    from cadbench.methods.trained.plugins.rehearsal_losses import InterferedRetrieval

    losses = []
    compute = InterferedRetrieval._losses

    def recorded(*arguments):
        losses.append(compute(*arguments))
        return losses[-1]

    monkeypatch.setattr(InterferedRetrieval, "_losses", recorded)
    taught(stream, "uniad+mir", mem_size=4, epochs=1, lr=1e-30)
    assert losses
    assert all(torch.equal(*pair) for pair in zip(losses[::2], losses[1::2], strict=True))
