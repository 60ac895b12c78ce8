"""The continual strategies of trained detectors: what each adds to training and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import Params, param
from .detector import TrainedDetector
from .experts.seed_like import SeedLike, SeedLikeParams
from .experts.tame import Tame, TameParams
from .rehearsal import (
    AGEM,
    DERPP,
    GSS,
    MIR,
    AGEMParams,
    Cumulative,
    DERPPParams,
    Generative,
    GenerativeParams,
    GSSParams,
    Joint,
    MIRParams,
    Replay,
    ReplayParams,
)


@dataclass(frozen=True)
class EWCParams(Params):
    """Chosen by the loss on synthetic training images: docs/trained_details.md."""

    ewc_lambda: float = param(10.0, "weight of the penalty on changes of parameters", low=0)


class EWC(TrainedDetector):
    """Penalizes changes of parameters that matter to earlier experiences (`EWCPlugin`)."""

    def plugins(self) -> list[Any]:
        from .plugins.ewc import restore_ewc

        assert self.network is not None
        self.ewc = restore_ewc(self.params.ewc_lambda, self.strategy_state, self.network)
        return [*super().plugins(), self.ewc]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .plugins.ewc import ewc_state

        return ewc_state(self.ewc)


@dataclass(frozen=True)
class SIParams(Params):
    """Chosen by the loss on synthetic training images: docs/trained_details.md."""

    si_lambda: float = param(1000.0, "weight of the penalty on changes of parameters", low=0)


class SI(TrainedDetector):
    """Penalizes changes of parameters that lowered old losses (`SynapticIntelligencePlugin`)."""

    def plugins(self) -> list[Any]:
        from .plugins.synaptic_intelligence import restore_synaptic_intelligence

        assert self.network is not None
        self.si = restore_synaptic_intelligence(
            self.params.si_lambda, self.strategy_state, self.network
        )
        return [*super().plugins(), self.si]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .plugins.synaptic_intelligence import synaptic_intelligence_state

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
        from .plugins.distillation import learning_without_forgetting

        old = self.network if self.experiences else None
        return [*super().plugins(), learning_without_forgetting(self.params.lwf_alpha, old)]


@dataclass(frozen=True)
class MASParams(Params):
    """Avalanche's defaults."""

    mas_lambda: float = param(1.0, "weight of the penalty on changes of parameters", low=0)
    mas_alpha: float = param(0.5, "share of the old importances in the new ones", low=0, high=1)


class MAS(TrainedDetector):
    """Penalizes changes of parameters on which old predictions depend (`MASPlugin`)."""

    def plugins(self) -> list[Any]:
        from .plugins.memory_aware_synapses import restore_memory_aware_synapses

        assert self.network is not None
        self.mas = restore_memory_aware_synapses(
            self.params.mas_lambda, self.params.mas_alpha, self.strategy_state, self.network
        )
        return [*super().plugins(), self.mas]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .plugins.memory_aware_synapses import memory_aware_synapses_state

        return memory_aware_synapses_state(self.mas)


@dataclass(frozen=True)
class GPMParams(Params):
    """The source uses 0.95 to 0.99, growing with the experiences."""

    energy: float = param(
        0.99, "share of the squared length of old inputs that the bases hold", low=0, high=1
    )


class GPM(TrainedDetector):
    """Changes weights only where inputs of earlier experiences have no component (GPM)."""

    def plugins(self) -> list[Any]:
        from .plugins.gradient_projection import GradientProjection

        bases = self.strategy_state.get("bases", {})
        self.gpm = GradientProjection(self.params.energy, bases)
        return [*super().plugins(), self.gpm]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        return {"bases": self.gpm.bases} if self.gpm.bases else {}


class Naive(TrainedDetector):
    """Trains on each experience and keeps nothing of earlier ones."""


@dataclass(frozen=True)
class Strategy:
    """A strategy that can be combined with every detector, or every one that it fits.

    Attributes:
        base: the class that adds the strategy to a detector.
        params: its parameters.
        description: how the class `DETECTOR+STRATEGY` is described, after the detector's title.
        generative: whether it needs a detector that generates.
    """

    base: type[Any]
    params: type[Params] | None
    description: str
    generative: bool = False


STRATEGIES = {
    "naive": Strategy(Naive, None, "trained on each experience without a continual strategy"),
    "replay": Strategy(Replay, ReplayParams, "with replay of stored images"),
    "ewc": Strategy(EWC, EWCParams, "with elastic weight consolidation"),
    "si": Strategy(SI, SIParams, "with synaptic intelligence"),
    "mas": Strategy(MAS, MASParams, "with memory aware synapses"),
    "lwf": Strategy(LwF, LwFParams, "with learning without forgetting"),
    "agem": Strategy(AGEM, AGEMParams, "with averaged gradient episodic memory"),
    "gpm": Strategy(GPM, GPMParams, "with gradient projection memory"),
    "generative": Strategy(
        Generative, GenerativeParams, "with replay of generated images", generative=True
    ),
    "derpp": Strategy(DERPP, DERPPParams, "with dark experience replay (DER++)"),
    "mir": Strategy(MIR, MIRParams, "with maximally interfered retrieval"),
    "gss": Strategy(GSS, GSSParams, "with replay of gradient-based samples (GSS-greedy)"),
    "tame": Strategy(Tame, TameParams, "with networks that the loss of the stream chooses (TAME)"),
    "seed_like": Strategy(
        SeedLike, SeedLikeParams, "with experts of which the least overlapping is fine-tuned"
    ),
    "cumulative": Strategy(Cumulative, None, "trained further on all images seen so far"),
    "joint": Strategy(Joint, None, "a new network on all images seen so far: a reference"),
}


def strategies_of(detector: type[TrainedDetector]) -> dict[str, Strategy]:
    """The strategies that a detector can be combined with, by name."""
    return {
        name: each for name, each in STRATEGIES.items() if detector.generates or not each.generative
    }
