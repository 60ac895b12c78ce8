"""Student-teacher feature pyramid matching on images, under each continual strategy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.params import param
from . import strategies
from .detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from .pyramid import Teacher

Student = Literal["small", "same"]


@dataclass(frozen=True)
class STFPMParams(TrainingParams):
    """The source's rate, momentum and decay; the rest suits minutes on a CPU (docs/trained.md)."""

    epochs: int = param(20, "passes over the training images of an experience", low=1)
    lr: float = param(0.4, "learning rate of SGD with momentum 0.9, decay 1e-4", above=0)
    batch_size: int = param(8, "images in a step", low=2)
    student: Student = param(
        "small", "a small network, or the same as the teacher as in the source (slow on a CPU)"
    )


class STFPM(TrainedDetector):
    """Where a student, taught on good images only, does not match the teacher, is an anomaly.

    Source: Wang et al., "Student-Teacher Feature Pyramid Matching for Anomaly Detection" (BMVC
    2021). The teacher is the study's backbone at the layers of the patch embeddings.
    """

    Params = STFPMParams
    inputs = "images"
    uses_images = True

    @functools.cached_property
    def teacher(self) -> Teacher:
        """The frozen backbone, with what it said of the images of this experience."""
        from .pyramid import Teacher

        return Teacher(self.context.backbone())

    def untrained(self) -> nn.Module:
        from .pyramid import SmallStudent, StudentTeacher

        backbone = self.context.backbone()
        with self.drawing("network"):
            if self.params.student == "same":
                seed = int(self.context.rng("student").integers(2**62))
                student = backbone.untrained(seed)
            else:
                student = SmallStudent(backbone.channels, backbone.strides)
        return StudentTeacher(student.to(self.context.device), self.teacher)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.SGD(
            network.parameters(), lr=self.params.lr, momentum=0.9, weight_decay=1e-4
        )

    def observe(self, experience: TrainExperience) -> None:
        try:
            super().observe(experience)
        finally:
            self.teacher.forget()

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from .pyramid import anomaly_maps

        images = batch.images()
        learned, taught = network.pairs(images, remember=False)
        return anomaly_maps(learned, taught, self.context.grid)


class STFPMNaive(STFPM):
    """STFPM, trained on with each experience and nothing against forgetting."""


@dataclass(frozen=True)
class STFPMReplayParams(strategies.ReplayParams, STFPMParams):
    """With the size of the buffer."""


class STFPMReplay(strategies.Replay, STFPM):
    """STFPM with replay of kept images."""

    Params = STFPMReplayParams


@dataclass(frozen=True)
class STFPMEWCParams(strategies.EWCParams, STFPMParams):
    """With the strength of the penalty."""


class STFPMEWC(strategies.EWC, STFPM):
    """STFPM under elastic weight consolidation."""

    Params = STFPMEWCParams


@dataclass(frozen=True)
class STFPMSIParams(strategies.SIParams, STFPMParams):
    """With the strength of the penalty."""

    si_lambda: float = param(100.0, "weight of the penalty on important parameters' moves", low=0)


class STFPMSI(strategies.SI, STFPM):
    """STFPM under synaptic intelligence."""

    Params = STFPMSIParams


@dataclass(frozen=True)
class STFPMLwFParams(strategies.LwFParams, STFPMParams):
    """With the weight of the old network."""


class STFPMLwF(strategies.LwF, STFPM):
    """STFPM under learning without forgetting."""

    Params = STFPMLwFParams


class STFPMCumulative(strategies.Cumulative, STFPM):
    """STFPM, trained on with all images seen so far."""


class STFPMJoint(strategies.Joint, STFPM):
    """Upper bound: a fresh STFPM student for all images seen so far, each time."""
