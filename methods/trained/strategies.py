"""The continual strategies of trained detectors, each the work of Avalanche's own class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import Params, param
from .detector import TrainedDetector


@dataclass(frozen=True)
class ReplayParams(Params):
    """Avalanche's default."""

    mem_size: int = param(200, "training images kept, shared equally among experiences", low=1)


class Replay(TrainedDetector):
    """Beside each batch of new images, as many of those that were kept (`ReplayPlugin`)."""

    def plugins(self) -> list[Any]:
        from .rehearsal import replay

        self.replay = replay(self.params.mem_size, self.kept, self.context.device)
        return [*super().plugins(), self.replay]

    def keep(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .rehearsal import replay_kept

        return replay_kept(self.replay)

    def kept_vectors(self) -> int:
        return _vectors(self)


@dataclass(frozen=True)
class EWCParams(Params):
    """Chosen by losses on training images of the synthetic set, see docs/trained.md."""

    ewc_lambda: float = param(10.0, "weight of the penalty on important parameters' moves", low=0)


class EWC(TrainedDetector):
    """Parameters that old experiences need are held back (`EWCPlugin`, a penalty each)."""

    def plugins(self) -> list[Any]:
        from .plugins import ewc

        assert self.network is not None
        self.ewc = ewc(self.params.ewc_lambda, self.kept, self.network)
        return [*super().plugins(), self.ewc]

    def keep(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .plugins import ewc_kept

        return ewc_kept(self.ewc)


@dataclass(frozen=True)
class SIParams(Params):
    """Chosen by losses on training images of the synthetic set, see docs/trained.md."""

    si_lambda: float = param(1000.0, "weight of the penalty on important parameters' moves", low=0)


class SI(TrainedDetector):
    """Parameters that did much for old losses are held back (`SynapticIntelligencePlugin`)."""

    def plugins(self) -> list[Any]:
        from .plugins import synaptic_intelligence

        assert self.network is not None
        self.si = synaptic_intelligence(self.params.si_lambda, self.kept, self.network)
        return [*super().plugins(), self.si]

    def keep(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .plugins import synaptic_intelligence_kept

        return synaptic_intelligence_kept(self.si)


@dataclass(frozen=True)
class LwFParams(Params):
    """Avalanche's default."""

    lwf_alpha: float = param(1.0, "weight of the old network's answers beside the loss", low=0)


class LwF(TrainedDetector):
    """The old network's answers on new images are to stay (`LwFPlugin`, for regression).

    Nothing is kept: the old network is the network as it stands when an experience comes.
    """

    def plugins(self) -> list[Any]:
        from .plugins import without_forgetting

        old = self.network if self.experiences else None
        return [*super().plugins(), without_forgetting(self.params.lwf_alpha, old)]


class Cumulative(TrainedDetector):
    """Training goes on with all images seen so far, which are kept (`Cumulative`)."""

    def learn(self, experience: TrainExperience) -> None:
        from .plugins import strategy, train
        from .rehearsal import dataset_of, with_images_of

        self.network = self.network or self.untrained()
        made = strategy("Cumulative", self, self.network, self.plugins())
        made.dataset = dataset_of(self.kept, self.context.device)
        train(made, experience.as_avalanche(self.inputs))
        self.kept = with_images_of(experience, self.inputs, self.kept)

    def kept_vectors(self) -> int:
        return _vectors(self)


class Joint(TrainedDetector):
    """A fresh network is trained on all images seen so far, which are kept (`JointTraining`)."""

    def training_name(self, experience: TrainExperience) -> str:
        return "1"  # as if all came at once

    def learn(self, experience: TrainExperience) -> None:
        from .plugins import strategy, train
        from .rehearsal import experiences_of, with_images_of

        self.network = self.untrained()
        made = strategy("JointTraining", self, self.network, self.plugins())
        before = experiences_of(self.kept, self.context.device)
        train(made, [*before, experience.as_avalanche(self.inputs)])
        self.kept = with_images_of(experience, self.inputs, self.kept)

    def kept_vectors(self) -> int:
        return _vectors(self)


def _vectors(detector: TrainedDetector) -> int:
    """Patch embeddings among the training data that are kept."""
    if detector.inputs == "images":
        return 0
    groups = detector.kept.get("groups", ())
    return sum(group["values"].shape[:2].numel() for group in groups)
