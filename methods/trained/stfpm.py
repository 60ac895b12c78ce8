"""Student-teacher feature pyramid matching on images, with each continual strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from .combining import combine
from .detector import TrainingParams
from .teacher_detector import TeacherDetector

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork

Student = Literal["small", "same"]


@dataclass(frozen=True)
class STFPMParams(TrainingParams):
    """The source's rate, momentum, decay; the rest is for CPU runs (docs/trained_details.md)."""

    epochs: int = param(20, "passes over the training images of an experience", low=1)
    lr: float = param(0.4, "learning rate of SGD with momentum 0.9 and weight decay 1e-4", above=0)
    batch_size: int = param(8, "images per training step", low=2)
    student: Student = param(
        "small", "a small network, or the teacher's as in the source (slow on a CPU)"
    )


class STFPM(TeacherDetector):
    """STFPM: the anomaly score of a position is the distance of student and teacher features.

    Source: Wang et al., "Student-Teacher Feature Pyramid Matching for Anomaly Detection" (BMVC
    2021). The student is trained on good images only. The teacher is the backbone of the run at
    the layers of the patch embeddings.
    """

    Params = STFPMParams
    title = "STFPM"
    normalizes_teacher = True
    strategy_defaults: ClassVar[Mapping[str, Any]] = {"si_lambda": 100.0}

    def untrained(self) -> ErrorNetwork:
        from .networks.student_teacher import SmallStudent, StudentTeacher

        backbone = self.context.backbone()
        with self.seeded_torch("network"):
            if self.params.student == "same":
                seed = int(self.context.rng("student").integers(2**62))
                student = backbone.untrained(seed)
            else:
                student = SmallStudent(backbone.channels, backbone.strides)
        return StudentTeacher(student.to(self.context.device), self.teacher)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        return torch.optim.SGD(
            network.parameters(), lr=self.params.lr, momentum=0.9, weight_decay=1e-4
        )

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from .networks.student_teacher import anomaly_maps

        images = batch.images()
        student, teacher = network.predictions(images), network.teacher.maps(images)
        return anomaly_maps(student, teacher, self.context.grid)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `STFPMEWC`."""
    return combine(STFPM, name)
