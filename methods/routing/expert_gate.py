"""Expert Gate: an image goes to the expert whose small autoencoder reconstructs it best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.system.threads import one_thread

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = 100
"""Hidden units, as in the source; half of D where that is fewer."""
_SHOWN = 4096
"""Training patches of a new category that its autoencoder sees."""
_STEPS, _BATCH, _RATE = 400, 512, 3e-3


@dataclass(frozen=True, eq=False)
class Gate:
    """An undercomplete autoencoder of patch embeddings: D values, fewer hidden units, D values.

    weights: `encoder` (D, H), `encoder_bias` (H,), `decoder` (H, D), `decoder_bias` (D,), and
    `mean` and `deviation` (D,) by which patches are standardized first.
    """

    weights: Mapping[str, Tensor]
    _known: dict[str, float] = field(default_factory=dict, repr=False)
    """Errors of images that were asked for before, by id."""

    @property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.weights.values())

    def errors(self, batch: TestBatch) -> Tensor:
        """(B,) float64 on the CPU: mean reconstruction error over an image's patches."""
        import torch

        if places := [p for p, each in enumerate(batch.ids) if each not in self._known]:
            with torch.no_grad():
                standard = _standardized(batch.patches[places], self.weights)
                errors = _error(standard, self.weights).double().mean(1).tolist()
            self._known.update(zip([batch.ids[place] for place in places], errors, strict=True))
        return torch.tensor([self._known[each] for each in batch.ids], dtype=torch.float64)


def train_gate(
    context: MethodContext, experience: TrainExperience, category: str, memory: Sequence[Block]
) -> Gate:
    """The gate of an expert that gets a category and keeps `memory`, a block a category before it.

    Source: Aljundi et al., "Expert Gate: Lifelong learning with a network of experts" (CVPR 2017):
    standardized features go through a sigmoid, 100 hidden units with ReLU and a sigmoid, trained on
    the cross-entropy between both sides. There an autoencoder belongs to a task and sees features
    of whole images. Here it belongs to an expert, which may own several categories, and is trained
    anew whenever the expert changes: on patch embeddings, namely up to 4096 of the new category's
    training patches, drawn at random, and the vectors that the expert still buffers of older ones,
    every category equally often. So it needs nothing stored beside itself, and it forgets as the
    memory does.

    Ours: half of D hidden units where that is fewer than 100; Adam, its rate, steps and batch; and
    the cross-entropy is taken less that of a perfect reconstruction. That changes no gradient, but
    a value near the middle costs much however well it is reconstructed and one at the ends, where
    another category's values lie, nothing: images would go to the expert they fit least.
    All draws come from `context.rng`.
    """
    import torch

    new = context.coresets.select(
        experience, category, _SHOWN, selector="random", seed=context.seed
    )
    blocks = [*(block.vectors for block in memory), new.vectors]
    with torch.enable_grad(), one_thread():
        return Gate(_trained(blocks, context.rng("expert gate", f"{category}\n{len(memory)}")))


def route_by_gates(batch: TestBatch, gates: Mapping[int, Gate]) -> Tensor:
    """(B,) places in the sorted experts: the lowest error; the source's softmax picks the same."""
    import torch

    return torch.stack([gates[expert].errors(batch) for expert in sorted(gates)]).argmin(0)


def pack_gate(gate: Gate) -> dict[str, Any]:
    """A gate as part of a method's state."""
    return dict(gate.weights)


def unpack_gate(state: Mapping[str, Any], context: MethodContext) -> Gate:
    """The gate that `pack_gate` wrote, on the context's device."""
    return Gate({name: tensor.to(context.device) for name, tensor in state.items()})


def _trained(blocks: Sequence[Tensor], rng: Any) -> dict[str, Tensor]:
    """Weights after training; every block, a category, is drawn from equally often."""
    import torch

    together = torch.cat(list(blocks))
    device, dim = together.device, together.shape[1]
    moments = [(block.double().mean(0), block.double().square().mean(0)) for block in blocks]
    mean = torch.stack([first for first, _ in moments]).mean(0)
    square = torch.stack([second for _, second in moments]).mean(0)
    fixed = {
        "mean": mean.float(),
        "deviation": (square - mean.square()).clamp(min=1e-12).sqrt().float(),
    }
    hidden = min(HIDDEN, max(1, dim // 2))
    learned = {
        "encoder": _drawn(rng, dim, hidden),
        "encoder_bias": torch.zeros(hidden),
        "decoder": _drawn(rng, hidden, dim),
        "decoder_bias": torch.zeros(dim),
    }
    learned = {name: tensor.to(device).requires_grad_() for name, tensor in learned.items()}
    optimizer = torch.optim.Adam(learned.values(), lr=_RATE)
    ends = torch.tensor([0, *(len(block) for block in blocks)]).cumsum(0).numpy()
    for _ in range(_STEPS):
        holder = rng.integers(len(blocks), size=_BATCH)
        sizes = ends[holder + 1] - ends[holder]
        rows = ends[holder] + (rng.random(_BATCH) * sizes).astype(int)
        shown = _standardized(together[torch.from_numpy(rows).to(device)], fixed)
        loss = _error(shown, learned).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {**fixed, **{name: tensor.detach() for name, tensor in learned.items()}}


def _drawn(rng: Any, inputs: int, outputs: int) -> Tensor:
    """(inputs, outputs) float32, uniform as Glorot and Bengio (2010) propose."""
    import torch

    bound = (6 / (inputs + outputs)) ** 0.5
    return torch.from_numpy(rng.uniform(-bound, bound, (inputs, outputs))).float()


def _standardized(patches: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    return (patches - weights["mean"]) / weights["deviation"]


def _error(standard: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """Cross-entropy of each patch and its reconstruction, summed over values, less that of a
    perfect one: (...,)."""
    from torch.nn.functional import softplus

    squashed = standard.sigmoid()
    hidden = (squashed @ weights["encoder"] + weights["encoder_bias"]).relu()
    logits = hidden @ weights["decoder"] + weights["decoder_bias"]
    # The entropy of q = sigmoid(z) and sigmoid(y) is softplus(y) - q y.
    return (softplus(logits) - softplus(standard) - squashed * (logits - standard)).sum(-1)
