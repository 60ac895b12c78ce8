"""What each continual strategy does to training: on, it changes the weights; off, it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.methods.trained.plugins.gradient_projection import extend_basis
from cadbench.methods.trained.strategies import STRATEGIES

from tests.methods.trained.training import distance, taught, training_patches

STRENGTHS = {
    "replay": "mem_size",
    "ewc": "ewc_lambda",
    "si": "si_lambda",
    "mas": "mas_lambda",
    "lwf": "lwf_alpha",
    "agem": "mem_size",
    "gpm": "energy",
    "derpp": "mem_size",
    "mir": "mem_size",
    "gss": "mem_size",
    "generative": "generated",
}
WITHOUT = {"naive", "cumulative", "joint", "tame", "seed_like"}


def test_every_strategy_has_a_strength_or_none():
    assert set(STRENGTHS) | WITHOUT == set(STRATEGIES)


@pytest.mark.parametrize(
    ("detector", "strategy"),
    [(each, name) for name in STRENGTHS if name != "generative" for each in ("feature_ae", "uniad")]
    + [("vae", "generative")],
)
def test_a_strategy_changes_the_second_experience_and_at_strength_0_nothing(
    stream, detector, strategy
):
    naive = taught(stream, f"{detector}+naive")
    strength = STRENGTHS[strategy]
    on = 4 if strength == "mem_size" else 0.9
    assert distance(naive, taught(stream, f"{detector}+{strategy}", **{strength: on})) > 0
    assert distance(naive, taught(stream, f"{detector}+{strategy}", **{strength: 0})) == 0


def test_dark_experience_replay_keeps_old_predictions(stream):
    start = taught(stream, "feature_ae+naive", 1, epochs=20)
    old = training_patches(stream, stream.categories[0])
    moved = {}
    for alpha in (0.0, 10.0):
        method = taught(
            stream, "feature_ae+derpp", epochs=20, derpp_alpha=alpha, derpp_beta=0.0, mem_size=4
        )
        with torch.no_grad():
            mine, theirs = (each.network.predictions(old)[0] for each in (method, start))
        moved[alpha] = float((mine - theirs).square().sum())
    assert moved[10.0] < 0.7 * moved[0.0]


def test_importances_of_mas_are_gradients_of_the_predictions(stream):
    method = taught(stream, "feature_ae+mas", 1)
    patches = training_patches(stream, stream.categories[0])
    network = method.network
    expected = {name: torch.zeros_like(value) for name, value in network.named_parameters()}
    batches = patches.split(method.params.batch_size)
    for batch in batches:
        network.zero_grad()
        network.predictions(batch)[0].flatten(1).square().mean(1).mean().backward()
        for name, value in network.named_parameters():
            expected[name] += value.grad.abs() / len(batches)
    network.zero_grad()
    for name, value in method.strategy_state["importances"].items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-7)


def test_gradient_projection_keeps_the_first_layer_on_old_inputs(stream):
    method = taught(stream, "feature_ae+gpm", 1, energy=0.9)
    before = method.network.encoder[0].weight.detach().clone()
    (experience,) = (e for e in stream.experiences() if e.index == 2)
    method.observe(experience)
    change = method.network.encoder[0].weight.detach() - before
    patches = training_patches(stream, stream.categories[0]).flatten(0, 1)
    moment = (patches.T @ patches).double()
    values, vectors = torch.linalg.eigh(moment)
    order = values.argsort(descending=True)
    share = values[order].cumsum(0) / values.sum()
    held = vectors[:, order[: int((share < 0.9).sum()) + 1]].float()
    assert float(change.abs().max()) > 0
    torch.testing.assert_close(
        change @ held, torch.zeros(len(change), held.shape[1]), atol=1e-5, rtol=0
    )


def test_a_basis_grows_by_the_fewest_directions_that_hold_the_energy():
    generator = torch.Generator().manual_seed(0)
    old, new = (torch.randn(50, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    new[:, :3] *= 10
    first = extend_basis((old.T @ old)[None], None, 0.5)
    grown = extend_basis((new.T @ new)[None], first, 0.9)
    identity = torch.eye(grown.shape[2], dtype=torch.float64)
    torch.testing.assert_close(grown[0].T @ grown[0], identity)
    torch.testing.assert_close(grown[:, :, : first.shape[2]], first)
    energies = [
        float((new @ grown[0][:, :count]).square().sum() / new.square().sum())
        for count in range(grown.shape[2] + 1)
    ]
    assert energies[-1] >= 0.9 > energies[-2]
    assert extend_basis((new.T @ new)[None], grown, 0.9).shape == grown.shape


def test_averaged_gem_never_raises_the_loss_on_stored_images_to_first_order(stream, monkeypatch):
    from cadbench.methods.trained.plugins.averaged_gem import AveragedGEM

    products = []
    project = AveragedGEM.after_backward

    def checked(self, strategy, **kwargs):
        project(self, strategy, **kwargs)
        if len(self.buffers):
            gradients = [value.grad.flatten() for value in strategy.model.parameters()]
            gradient, reference = torch.cat(gradients), self.reference_gradients
            products.append(float(gradient @ reference / (reference @ reference)))

    monkeypatch.setattr(AveragedGEM, "after_backward", checked)
    taught(stream, "feature_ae+agem", epochs=20, mem_size=4)
    assert products
    assert min(products) > -1e-5


def test_gss_stores_images_with_different_gradients_and_never_one_twice(stream):
    method = taught(stream, "feature_ae+gss", 3, mem_size=3, epochs=2)
    stored = method.strategy_state["values"]
    assert len({value.numpy().tobytes() for value in stored}) == len(stored) == 3
    scores = method.strategy_state["scores"].numpy()
    assert np.all((scores >= 0) & (scores <= 2 + 1e-6))
