"""Gradient projection memory (GPM): weights change only where old inputs have no component."""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader


class GradientProjection(SupervisedPlugin):
    """Projects each change of a weight on the complement of the inputs of earlier experiences.

    Source: Saha, Garg and Roy, "Gradient Projection Memory for Continual Learning" (ICLR 2021). The
    source projects gradients for plain SGD. Here the change that the optimizer made is projected,
    which is the same for SGD and also holds with momentum, Adam and weight decay. After the first
    experience biases, parameters of normalization and batch statistics stay as they are, so that
    the layers compute the same on old inputs up to the energy that the bases leave out.
    """

    def __init__(self, energy: float, bases: dict[str, Tensor]) -> None:
        """Make the plugin for one experience.

        Args:
            energy: share of the squared length of the inputs that the bases hold.
            bases: orthonormal columns (G, d, r) per layer with G groups and d inputs per group;
                columns of zeros fill up groups of lower rank. Empty before the first experience.
        """
        super().__init__()
        self.energy = energy
        self.bases = bases
        self._before: dict[str, Tensor] = {}

    def before_forward(self, strategy: Any, **kwargs: Any) -> None:
        if self.bases:
            for module in strategy.model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    @torch.no_grad()
    def before_update(self, strategy: Any, **kwargs: Any) -> None:
        if self.bases:
            named = strategy.model.named_parameters()
            self._before = {name: value.detach().clone() for name, value in named}

    @torch.no_grad()
    def after_update(self, strategy: Any, **kwargs: Any) -> None:
        for name, value in strategy.model.named_parameters() if self.bases else ():
            layer = name.removesuffix(".weight")
            before = self._before[name]
            if layer not in self.bases or layer == name:
                value.copy_(before)
                continue
            basis = self.bases[layer].to(value)
            change = (value - before).reshape(len(basis), -1, basis.shape[1])
            change -= change @ basis @ basis.mT
            value.copy_(before + change.reshape(value.shape))

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        """Extend the bases by the inputs of the experience that was just learned."""
        if self.energy:
            self.bases = {
                name: extend_basis(moment, self.bases.get(name), self.energy).cpu()
                for name, moment in input_moments(strategy).items()
            }


def extend_basis(moment: Tensor, basis: Tensor | None, energy: float) -> Tensor:
    """Add the fewest directions to a basis so that it holds a share of the energy of some inputs.

    Args:
        moment: (G, d, d) sum over inputs x of x x^T, per group.
        basis: (G, d, r) orthonormal columns, or zeros; None for an empty basis.
        energy: share of the trace of `moment` that the basis is to hold.

    Returns:
        (G, d, r') with r' of at least r.
    """
    groups, size, _ = moment.shape
    old = moment.new_zeros(groups, size, 0) if basis is None else basis.to(moment)
    columns = []
    for inputs, held in zip(moment, old, strict=True):
        held = held[:, held.square().sum(0) > 0]
        outside = torch.eye(size, dtype=inputs.dtype, device=inputs.device) - held @ held.T
        values, vectors = torch.linalg.eigh(outside @ inputs @ outside)
        values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
        missing = energy * inputs.trace() - (held.T @ inputs @ held).trace()
        reached = values.cumsum(0)
        count = 0 if missing <= 0 else int((reached < missing).sum()) + 1
        count = min(count, size - held.shape[1])
        columns.append(torch.cat([held, vectors[:, :count]], 1))
    width = max(each.shape[1] for each in columns)
    return torch.stack([functional.pad(each, (0, width - each.shape[1])) for each in columns])


def input_moments(strategy: Any) -> dict[str, Tensor]:
    """Sums of x x^T over the inputs of each linear and convolutional layer, (G, d, d) float64.

    Args:
        strategy: the Avalanche strategy after training on an experience.
    """
    network = strategy.model
    moments: dict[str, Tensor] = {}

    def add(name: str, layer: nn.Module, inputs: Tensor) -> None:
        columns = _columns(layer, inputs)  # (G, d, N)
        product = (columns @ columns.mT).double()
        moments[name] = moments[name] + product if name in moments else product

    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    hooks = [
        layer.register_forward_hook(lambda m, x, _, name=name: add(name, m, x[0]))
        for name, layer in layers
    ]
    network.eval()
    dataset = strategy.experience.dataset
    batches = DataLoader(dataset, batch_size=strategy.train_mb_size, collate_fn=dataset.collate_fn)
    try:
        with torch.no_grad():
            for batch in batches:
                network.predictions(batch[0].to(strategy.device))
    finally:
        for hook in hooks:
            hook.remove()
    return moments


def _columns(layer: nn.Module, inputs: Tensor) -> Tensor:
    """The inputs of a layer as columns (G, d, N), which its weight (G, outputs, d) multiplies."""
    if isinstance(layer, nn.Linear):
        return inputs.reshape(1, -1, inputs.shape[-1]).mT
    assert isinstance(layer, nn.Conv2d)
    assert not isinstance(layer.padding, str)
    unfolded = functional.unfold(
        inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )
    grouped = unfolded.reshape(len(inputs), layer.groups, -1, unfolded.shape[-1])
    return grouped.permute(1, 2, 0, 3).flatten(2)
