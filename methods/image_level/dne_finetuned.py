"""DNE with its training: a backbone that is fine-tuned on each experience."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.features.timm_models import layer_maps
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import State
from ...benchmark.interface.params import param
from ...benchmark.interface.prediction import MemoryReport
from ..deterministic import deterministic
from .dne import Dne, DneParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_BATCH = 32
_EPSILON, _DECAY = 4e-4, 3e-5
"""Of Adam, from the source's code."""


@dataclass(frozen=True)
class DneFinetunedParams(DneParams):
    """The source's rate and batch size; it trains 50 epochs."""

    epochs: int = param(5, "passes over the training images of an experience", low=0)
    lr: float = param(1e-4, "learning rate of Adam, which falls to 0 with a cosine", above=0)
    batch_size: int = param(32, "images per training step, each with its CutPaste copy", low=1)


class DneFinetuned(Dne):
    """DNE: the backbone learns each experience, and one Gaussian per experience is stored.

    Source: Li et al., "Towards Continual Adaptation in Industrial Anomaly Detection" (ACM MM 2022),
    by its code. A copy of the backbone of the run is trained to tell images from their CutPaste
    copies with cross-entropy; the classifier is frozen after the first experience. Memory and
    scores are those of `dne`, with embeddings of the network as it is after the experience. Stored
    Gaussians are not updated, so they describe an older network than the one that scores.

    Different from the source: an embedding is the mean of the backbone's layers over all positions,
    where the source has the class token of a ViT-B/16 with special weights; batch statistics stay
    as they were; stored embeddings are computed after training from images as they are tested, and
    not during the last epoch from changed ones; each experience has a new optimizer. The code's
    configuration names warm-up epochs, which the code does not use.

    Memory: as for `dne`, plus the network, which is trained; its classifier does not score.
    """

    Params = DneFinetunedParams
    uses_images = True

    def __init__(self, params: DneFinetunedParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.network: torch.nn.Module | None = None
        self.classifier: torch.nn.Module | None = None

    def observe(self, experience: TrainExperience) -> None:
        import torch

        if self.network is None:
            self.network = self.context.backbone().trainable_copy()
            self.classifier = self._new_classifier()
        images = torch.cat([experience.images(each)[1] for each in experience.categories])
        number = str(len(self.distributions))
        with self.context.torch_rng("training", number), deterministic():
            self._train(images)
        super().observe(experience)

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings (B, D) of images (B, 3, H, W) uint8: the means of all layers, concatenated."""
        import torch

        normalized = self.context.backbone().normalized(images.to(self.context.device))
        assert self.network is not None
        return torch.cat([each.mean((2, 3)) for each in layer_maps(self.network, normalized)], 1)

    def training_embeddings(self, experience: TrainExperience, category: str) -> Tensor:
        import torch

        images = experience.images(category)[1]
        with torch.no_grad(), deterministic():
            return torch.cat([self.embed(part) for part in images.split(_BATCH)])

    def test_embeddings(self, batch: TestBatch) -> Tensor:
        import torch

        with torch.no_grad(), deterministic():
            return self.embed(batch.images())

    def memory(self) -> MemoryReport:
        gaussians = super().memory()
        network, classifier = _bytes(self.network), _bytes(self.classifier)
        scoring = gaussians.scoring_bytes + network
        assert self.network is not None
        assert self.classifier is not None
        parameters = [*self.network.parameters(), *self.classifier.parameters()]
        return MemoryReport(
            0,
            0,
            scoring,
            gaussians.stored_bytes + network + classifier,
            parameters_trained=sum(each.numel() for each in parameters if each.requires_grad),
            parameters_stored=sum(each.numel() for each in parameters),
            network_bytes=network + classifier,
        )

    def state_dict(self) -> State:
        assert self.network is not None
        assert self.classifier is not None
        return {
            **super().state_dict(),
            "network": _copied(self.network),
            "classifier": _copied(self.classifier),
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.network = self.context.backbone().trainable_copy()
        self.network.load_state_dict(state["network"])
        self.classifier = self._new_classifier()
        self.classifier.load_state_dict(state["classifier"])

    def _new_classifier(self) -> torch.nn.Module:
        import torch

        with self.context.torch_rng("classifier"):
            classifier = torch.nn.Linear(sum(self.context.backbone().channels), 2)
        return classifier.to(self.context.device)

    def _train(self, images: Tensor) -> None:
        """Fine-tune on images (N, 3, H, W) uint8."""
        import torch

        from .cutpaste import CutPaste

        assert self.network is not None
        assert self.classifier is not None
        params, cutpaste = self.params, CutPaste()
        trained = list(self.network.parameters())
        if not self.distributions:
            trained += self.classifier.parameters()
        optimizer = torch.optim.Adam(trained, params.lr, eps=_EPSILON, weight_decay=_DECAY)
        for epoch in range(params.epochs):
            total = 0.0
            for group in optimizer.param_groups:
                group["lr"] = params.lr * (1 + math.cos(math.pi * epoch / params.epochs)) / 2
            for rows in torch.randperm(len(images)).split(params.batch_size):
                pairs = torch.cat(cutpaste.pairs(images[rows]))
                labels = torch.arange(2).repeat_interleave(len(rows)).to(self.context.device)
                loss = torch.nn.functional.cross_entropy(self.classifier(self.embed(pairs)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            self.context.record("epoch", epoch=epoch + 1, loss=total / len(images))
        optimizer.zero_grad()


def _bytes(network: Any) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _copied(network: torch.nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
