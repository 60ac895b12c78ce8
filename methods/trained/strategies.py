"""The continual strategies of trained detectors; Avalanche's classes do the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import Params, param
from .detector import TrainedDetector


@dataclass(frozen=True)
class ReplayParams(Params):
    """Avalanche's default."""

    mem_size: int = param(200, "stored training images, divided equally among experiences", low=1)


class Replay(TrainedDetector):
    """Adds stored images of earlier experiences to each batch (`ReplayPlugin`)."""

    def plugins(self) -> list[Any]:
        from .rehearsal import restore_replay

        size = self.params.mem_size
        self.replay = restore_replay(size, self.strategy_state, self.context.device)
        return [*super().plugins(), self.replay]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .rehearsal import replay_state

        return replay_state(self.replay)

    def stored_vectors(self) -> int:
        return _count_stored_patches(self)


@dataclass(frozen=True)
class EWCParams(Params):
    """Chosen by the loss on training images of the synthetic dataset, see docs/trained.md."""

    ewc_lambda: float = param(10.0, "weight of the penalty on changes of parameters", low=0)


class EWC(TrainedDetector):
    """Penalizes changes of parameters that matter to earlier experiences (`EWCPlugin`)."""

    def plugins(self) -> list[Any]:
        from .avalanche_plugins import restore_ewc

        assert self.network is not None
        self.ewc = restore_ewc(self.params.ewc_lambda, self.strategy_state, self.network)
        return [*super().plugins(), self.ewc]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .avalanche_plugins import ewc_state

        return ewc_state(self.ewc)


@dataclass(frozen=True)
class SIParams(Params):
    """Chosen by the loss on training images of the synthetic dataset, see docs/trained.md."""

    si_lambda: float = param(1000.0, "weight of the penalty on changes of parameters", low=0)


class SI(TrainedDetector):
    """Penalizes changes of parameters that lowered old losses (`SynapticIntelligencePlugin`)."""

    def plugins(self) -> list[Any]:
        from .avalanche_plugins import restore_synaptic_intelligence

        assert self.network is not None
        self.si = restore_synaptic_intelligence(
            self.params.si_lambda, self.strategy_state, self.network
        )
        return [*super().plugins(), self.si]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .avalanche_plugins import synaptic_intelligence_state

        return synaptic_intelligence_state(self.si)


@dataclass(frozen=True)
class LwFParams(Params):
    """Avalanche's default."""

    lwf_alpha: float = param(1.0, "weight of the distillation from the old network", low=0)


class LwF(TrainedDetector):
    """Keeps the old network's outputs on new images (`LwFPlugin`, for regression).

    Nothing is stored: the old network is the network before the experience.
    """

    def plugins(self) -> list[Any]:
        from .avalanche_plugins import learning_without_forgetting

        old = self.network if self.experiences else None
        return [*super().plugins(), learning_without_forgetting(self.params.lwf_alpha, old)]


class Cumulative(TrainedDetector):
    """Trains the network further on all images seen so far, which are stored (`Cumulative`)."""

    def learn(self, experience: TrainExperience) -> None:
        from .avalanche_plugins import train
        from .rehearsal import add_experience, as_dataset

        self.network = self.network or self.untrained()
        strategy = self.build_strategy("Cumulative", self.network)
        strategy.dataset = as_dataset(self.strategy_state, self.context.device)
        train(strategy, experience.as_avalanche(self.inputs))
        self.strategy_state = add_experience(experience, self.inputs, self.strategy_state)

    def stored_vectors(self) -> int:
        return _count_stored_patches(self)


class Joint(TrainedDetector):
    """Trains a new network on all images seen so far, which are stored (`JointTraining`)."""

    def training_name(self, experience: TrainExperience) -> str:
        return "1"  # the same random numbers as if all images came in the first experience

    def learn(self, experience: TrainExperience) -> None:
        from .avalanche_plugins import train
        from .rehearsal import add_experience, as_experiences

        self.network = self.untrained()
        strategy = self.build_strategy("JointTraining", self.network)
        earlier = as_experiences(self.strategy_state, self.context.device)
        train(strategy, [*earlier, experience.as_avalanche(self.inputs)])
        self.strategy_state = add_experience(experience, self.inputs, self.strategy_state)

    def stored_vectors(self) -> int:
        return _count_stored_patches(self)


def _count_stored_patches(detector: TrainedDetector) -> int:
    """Number of patch embeddings among the stored training data."""
    if detector.inputs == "images":
        return 0
    groups = detector.strategy_state.get("groups", ())
    return sum(group["values"].shape[:2].numel() for group in groups)
