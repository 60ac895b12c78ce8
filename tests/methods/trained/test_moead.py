"""MoEAD: its rounds and experts computed by hand, and the loss that balances the experts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.methods.trained.transformers.balanced_experts import variation
from cadbench.results.errors import UsageError

from tests.methods.trained.test_uniad import attention, feedforward, linear, norm
from tests.methods.trained.training import built, distance, taught, training_patches


def pooled(held, name, values, top):
    """The weighted sum over the `top` experts with the highest logits, token by token."""
    logits = linear(held, f"{name}.router", values)
    rows = []
    for token, row in zip(values, logits, strict=True):
        chosen = np.argsort(row)[-top:]
        shares = np.exp(row[chosen]) / np.exp(row[chosen]).sum()
        outputs = [feedforward(held, f"{name}.experts.{expert}", token) for expert in chosen]
        rows.append(sum(share * each for share, each in zip(shares, outputs, strict=True)))
    return np.array(rows)


def test_the_network_is_one_layer_in_rounds_with_two_pools(stream):
    network = taught(stream, "moead+naive", 1, pooling=1, pool_size=3).network
    held = {n: v.numpy().astype(np.float64) for n, v in network.state_dict().items()}
    patches = training_patches(stream, stream.categories[0])[:1]
    places = [(row, column) for row in range(4) for column in range(4)]
    positions = np.array([np.append(held["columns"][c], held["rows"][r]) for r, c in places])
    encoded = linear(held, "enter", patches[0].numpy().astype(np.float64))
    memory = encoded
    for turn in range(2):
        values = held["attention.queries"]
        for index, (part, source) in enumerate((("encoded", encoded), ("previous", memory))):
            keys = source + positions
            query = values + positions
            attended = attention(held, f"attention.{part}", query, keys, source, None)
            values = norm(held, f"norms.{turn}.{index}", values + attended)
        for index in range(2):
            summed = values + pooled(held, f"pools.{index}", values, 2)
            values = norm(held, f"norms.{turn}.{2 + index}", summed)
        memory = values
    with torch.no_grad():
        rebuilt = network.predictions(patches)[0][0]
    np.testing.assert_allclose(rebuilt.numpy(), linear(held, "leave", memory), rtol=1e-3, atol=1e-5)


def test_the_balance_of_experts_is_a_loss(stream):
    importances = torch.tensor([1.0, 2.0, 6.0])
    assert float(variation(importances)) == pytest.approx(7 / 9)
    naive = taught(stream, "moead+naive", 1, balance=0.0)
    assert distance(naive, taught(stream, "moead+naive", 1, balance=1.0)) > 0


def test_more_experts_per_token_than_there_are_is_an_error(stream):
    with pytest.raises(UsageError, match="top=5: expected at most pool_size=4"):
        built(stream, "moead+naive", top=5)
