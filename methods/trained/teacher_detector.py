"""The base of detectors on images whose network imitates the frozen backbone."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

from ...benchmark.interface.experience import TrainExperience
from .detector import TrainedDetector

if TYPE_CHECKING:
    from .networks.teacher import Teacher


class TeacherDetector(TrainedDetector):
    """A detector with a teacher, whose features of an experience's images are cached."""

    inputs = "images"
    uses_images = True
    normalizes_teacher: ClassVar[bool] = False
    """Whether the teacher's vectors are scaled to length 1."""

    @functools.cached_property
    def teacher(self) -> Teacher:
        """The frozen backbone."""
        from .networks.teacher import Teacher

        return Teacher(self.context.backbone(), normalize=self.normalizes_teacher)

    def observe(self, experience: TrainExperience) -> None:
        try:
            super().observe(experience)
        finally:
            self.teacher.clear()
