"""A folded network is the same function without its batch norms, or the network as it was."""

from __future__ import annotations

import timm
import torch
from cadbench.benchmark.features.fusion import fold_batch_norms
from torch import nn


def images(size: int = 64) -> torch.Tensor:
    return torch.randn((2, 3, size, size), generator=torch.Generator().manual_seed(1))


def trained(name: str) -> nn.Module:
    """A frozen random network whose norms have statistics of their own."""
    torch.manual_seed(0)
    model = timm.create_model(name, features_only=True).eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 2)
            module.bias.uniform_(-0.3, 0.3)
    return model


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_residual_and_mobile_networks_lose_their_norms_and_keep_their_output():
    for name in ("test_resnet", "tf_efficientnet_lite0", "wide_resnet50_2"):
        with torch.random.fork_rng(), torch.inference_mode():
            model = trained(name).double()
            other = fold_batch_norms(model, images().double())
            assert norms(model) > 0
            assert norms(other) <= (1 if name == "test_resnet" else 0)  # it pools before one norm
            for one, two in zip(*(m(images().double()) for m in (model, other)), strict=True):
                assert (one - two).abs().max() < 1e-12 * one.abs().max(), name


def test_a_network_without_norms_after_convolutions_is_left_alone():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    assert fold_batch_norms(model, images()) is model


class Crossed(nn.Module):
    """Its norm stands behind the second convolution but works on the first one's output."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3)
        self.two = nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [self.two(self.norm(self.one(x)))]


def test_a_network_that_folding_would_change_is_left_alone():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Crossed().eval().requires_grad_(False)
        model.norm.running_mean.uniform_(-1, 1)
        model.norm.weight.uniform_(0.5, 2)
        assert fold_batch_norms(model, images()) is model


def test_folding_leaves_the_given_network_as_it_was():
    with torch.random.fork_rng():
        model = trained("test_resnet")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fold_batch_norms(model, images())
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
