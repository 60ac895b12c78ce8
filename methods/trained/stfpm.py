"""Student-teacher feature pyramid matching on images, with each continual strategy."""

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

    from .student_teacher import Teacher

Student = Literal["small", "same"]


@dataclass(frozen=True)
class STFPMParams(TrainingParams):
    """The source's rate, momentum and decay; the rest is for short CPU runs (docs/trained.md)."""

    epochs: int = param(20, "passes over the training images of an experience", low=1)
    lr: float = param(0.4, "learning rate of SGD with momentum 0.9 and weight decay 1e-4", above=0)
    batch_size: int = param(8, "images per training step", low=2)
    student: Student = param(
        "small", "a small network, or the teacher's as in the source (slow on a CPU)"
    )


class STFPM(TrainedDetector):
    """STFPM: the anomaly score of a position is the distance of student and teacher features.

    Source: Wang et al., "Student-Teacher Feature Pyramid Matching for Anomaly Detection" (BMVC
    2021). The student is trained on good images only. The teacher is the backbone of the run at
    the layers of the patch embeddings.
    """

    Params = STFPMParams
    inputs = "images"
    uses_images = True

    @functools.cached_property
    def teacher(self) -> Teacher:
        """The frozen backbone, which caches its features of the images of this experience."""
        from .student_teacher import Teacher

        return Teacher(self.context.backbone())

    def untrained(self) -> nn.Module:
        from .student_teacher import SmallStudent, StudentTeacher

        backbone = self.context.backbone()
        with self.seeded_torch("network"):
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
            self.teacher.clear()

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from .student_teacher import anomaly_maps

        images = batch.images()
        student, teacher = network.pairs(images, cached=False)
        return anomaly_maps(student, teacher, self.context.grid)


class STFPMNaive(STFPM):
    """STFPM, trained on each experience without a continual strategy."""


@dataclass(frozen=True)
class STFPMReplayParams(strategies.ReplayParams, STFPMParams):
    """Adds the size of the buffer."""


class STFPMReplay(strategies.Replay, STFPM):
    """STFPM with replay of stored images."""

    Params = STFPMReplayParams


@dataclass(frozen=True)
class STFPMEWCParams(strategies.EWCParams, STFPMParams):
    """Adds the strength of the penalty."""


class STFPMEWC(strategies.EWC, STFPM):
    """STFPM with elastic weight consolidation."""

    Params = STFPMEWCParams


@dataclass(frozen=True)
class STFPMSIParams(strategies.SIParams, STFPMParams):
    """Adds the strength of the penalty."""

    si_lambda: float = param(100.0, "weight of the penalty on changes of parameters", low=0)


class STFPMSI(strategies.SI, STFPM):
    """STFPM with synaptic intelligence."""

    Params = STFPMSIParams


@dataclass(frozen=True)
class STFPMLwFParams(strategies.LwFParams, STFPMParams):
    """Adds the weight of the distillation."""


class STFPMLwF(strategies.LwF, STFPM):
    """STFPM with learning without forgetting."""

    Params = STFPMLwFParams


class STFPMCumulative(strategies.Cumulative, STFPM):
    """STFPM, trained further on all images seen so far."""


class STFPMJoint(strategies.Joint, STFPM):
    """Reference: a new STFPM student per experience, on all images seen so far."""
