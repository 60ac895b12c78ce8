"""Expert Gate: route by the reconstruction error of one small autoencoder per expert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import State
from ...benchmark.system.threads import one_thread
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = 100
"""Hidden units, as in the source; D // 2 if that is fewer."""
_MAX_PATCHES = 4096
"""Training patches of a new category that its autoencoder is trained on."""
_STEPS, _BATCH, _RATE = 400, 512, 3e-3


class ExpertGate(Router):
    """The expert whose autoencoder reconstructs the image best.

    Source: Aljundi et al., "Expert Gate: Lifelong learning with a network of experts" (CVPR 2017).
    The source routes by a softmax of the errors, which picks the same expert. See `train_gate` for
    how our autoencoders differ.
    """

    def __init__(self, context: MethodContext) -> None:
        super().__init__(context)
        self.gates: dict[int, Gate] = {}

    def learn(
        self, expert: int, experience: TrainExperience, category: str, memory: Sequence[Block]
    ) -> None:
        self.gates[expert] = train_gate(self.context, experience, category, memory)

    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        import torch

        errors = [self.gates[expert].errors(batch) for expert in candidates.experts]
        return torch.stack(errors).argmin(0)

    def nbytes(self, expert: int) -> int:
        return self.gates[expert].nbytes

    def state_dict(self) -> State:
        return {str(expert): dict(gate.weights) for expert, gate in self.gates.items()}

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.gates = {
            int(expert): Gate({name: tensor.to(device) for name, tensor in weights.items()})
            for expert, weights in state.items()
        }


@dataclass(frozen=True, eq=False)
class Gate:
    """An undercomplete autoencoder of patch embeddings: D values, H < D hidden units, D values.

    Attributes:
        weights: `encoder` (D, H), `encoder_bias` (H,), `decoder` (H, D), `decoder_bias` (D,), and
            `mean` and `deviation` (D,), with which patches are standardized first.
    """

    weights: Mapping[str, Tensor]
    _cache: dict[str, float] = field(default_factory=dict, repr=False)
    """Errors of images that were computed before, by id."""

    @property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.weights.values())

    def errors(self, batch: TestBatch) -> Tensor:
        """(B,) float64 on the CPU: mean reconstruction error over the patches of each image."""
        import torch

        if missing := [row for row, image in enumerate(batch.ids) if image not in self._cache]:
            with torch.no_grad():
                standard = _standardize(batch.patches[missing], self.weights)
                errors = _error(standard, self.weights).double().mean(1).tolist()
            self._cache.update(zip([batch.ids[row] for row in missing], errors, strict=True))
        return torch.tensor([self._cache[image] for image in batch.ids], dtype=torch.float64)


def train_gate(
    context: MethodContext, experience: TrainExperience, category: str, memory: Sequence[Block]
) -> Gate:
    """Train the autoencoder of an expert to which a category was just assigned.

    As in the source, standardized features pass through a sigmoid, 100 hidden units with ReLU and
    a sigmoid, trained on the cross-entropy between input and output. In the source, an autoencoder
    belongs to a task and sees features of entire images. Here it belongs to an expert, which may
    own several categories, and is trained again whenever the expert changes: on up to 4096 random
    training patches of the new category and on the vectors that the expert still stores of older
    categories, each category equally often. So it needs no stored data of its own, and it forgets
    as the memory does.

    Our choices: D // 2 hidden units if that is fewer than 100; Adam, learning rate, steps and batch
    size; and the cross-entropy minus that of a perfect reconstruction. This changes no gradient.
    Without it, values near the middle would have a high error even if reconstructed perfectly, and
    values at the ends, where other categories lie, a low one, so that images would be routed to
    the expert that fits them least.

    Args:
        context: gives the coresets and all random numbers.
        experience: the experience that contains the category.
        category: the category that was just assigned to the expert.
        memory: the vectors that the expert stores of older categories, one block per category.
    """
    import torch

    new = context.coresets.select(
        experience, category, _MAX_PATCHES, selector="random", seed=context.seed
    )
    blocks = [*(block.vectors for block in memory), new.vectors]
    with torch.enable_grad(), one_thread():
        return Gate(_train(blocks, context.rng("expert gate", f"{category}\n{len(memory)}")))


def _train(blocks: Sequence[Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Weights trained on blocks of patches (n, D), one per category, sampled equally often."""
    import torch

    patches = torch.cat(list(blocks))
    device, dim = patches.device, patches.shape[1]
    moments = [(block.double().mean(0), block.double().square().mean(0)) for block in blocks]
    mean = torch.stack([first for first, _ in moments]).mean(0)
    square = torch.stack([second for _, second in moments]).mean(0)
    fixed = {
        "mean": mean.float(),
        "deviation": (square - mean.square()).clamp(min=1e-12).sqrt().float(),
    }
    hidden = min(HIDDEN, max(1, dim // 2))
    learned = {
        "encoder": _initial_weights(rng, dim, hidden),
        "encoder_bias": torch.zeros(hidden),
        "decoder": _initial_weights(rng, hidden, dim),
        "decoder_bias": torch.zeros(dim),
    }
    learned = {name: tensor.to(device).requires_grad_() for name, tensor in learned.items()}
    optimizer = torch.optim.Adam(learned.values(), lr=_RATE)
    ends = torch.tensor([0, *(len(block) for block in blocks)]).cumsum(0).numpy()
    for _ in range(_STEPS):
        block = rng.integers(len(blocks), size=_BATCH)
        sizes = ends[block + 1] - ends[block]
        rows = ends[block] + (rng.random(_BATCH) * sizes).astype(int)
        batch = _standardize(patches[torch.from_numpy(rows).to(device)], fixed)
        loss = _error(batch, learned).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {**fixed, **{name: tensor.detach() for name, tensor in learned.items()}}


def _initial_weights(rng: np.random.Generator, inputs: int, outputs: int) -> Tensor:
    """(inputs, outputs) float32, uniform as in Glorot and Bengio (2010)."""
    import torch

    bound = (6 / (inputs + outputs)) ** 0.5
    return torch.from_numpy(rng.uniform(-bound, bound, (inputs, outputs))).float()


def _standardize(patches: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    return (patches - weights["mean"]) / weights["deviation"]


def _error(standard: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """(...,) cross-entropy of standardized patches (..., D) and their reconstructions, summed over
    values, minus that of a perfect reconstruction."""
    from torch.nn.functional import softplus

    squashed = standard.sigmoid()
    hidden = (squashed @ weights["encoder"] + weights["encoder_bias"]).relu()
    logits = hidden @ weights["decoder"] + weights["decoder_bias"]
    # Cross-entropy of q = sigmoid(z) and sigmoid(y) is softplus(y) - q y; the entropy of q is
    # softplus(z) - q z.
    return (softplus(logits) - softplus(standard) - squashed * (logits - standard)).sum(-1)
