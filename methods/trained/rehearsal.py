"""Strategies of trained detectors that train on images of earlier experiences again."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import Params, param
from ...results.errors import UsageError
from .detector import TrainedDetector

if TYPE_CHECKING:
    from ...benchmark.interface.method import CellFacts
    from .stored_format import StoredFormat

_ANY_NUMBER = 2**31 - 1
"""The size of a buffer that the bytes of its images limit."""


@dataclass(frozen=True)
class ReplayParams(Params):
    """Avalanche's default."""

    mem_size: int = param(200, "stored training images, divided equally among experiences", low=0)
    memory_bytes: int = param(
        0, "bytes of stored training images, instead of mem_size; 0: mem_size", low=0, later=True
    )
    jpeg_quality: int = param(
        0, "quality of stored images as JPEG; 0: not compressed", low=0, high=95, later=True
    )
    shrink: int = param(
        1, "stored images have 1 / shrink of the height and width", low=1, later=True
    )


class Replay(TrainedDetector):
    """Adds stored images of earlier experiences to each batch (`ReplayPlugin`)."""

    @classmethod
    def resolve(cls, params: Any, facts: CellFacts) -> Any:
        if cls.inputs == "patches" and (params.jpeg_quality or params.shrink > 1):
            raise UsageError(
                f"{cls.title} stores patches, not images: jpeg_quality and shrink are for "
                "detectors on images, such as stfpm"
            )
        return super().resolve(params, facts)

    @property
    def stored_format(self) -> StoredFormat | None:
        """How images are stored; None for Avalanche's buffer as it is."""
        from .stored_format import StoredFormat

        params = self.params
        form = StoredFormat(params.memory_bytes, params.jpeg_quality, params.shrink)
        return None if form == StoredFormat(0, 0, 1) else form

    def plugins(self) -> list[Any]:
        from .stored_images import restore_replay

        size = _ANY_NUMBER if self.params.memory_bytes else self.params.mem_size
        if not size:
            return super().plugins()
        form, state = self.stored_format, self.strategy_state
        self.replay = restore_replay(
            size, form.unpack(state) if form else state, self.context.device
        )
        return [*super().plugins(), self.replay]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .stored_images import replay_state

        if not self.params.mem_size and not self.params.memory_bytes:
            return {}
        state, form = replay_state(self.replay), self.stored_format
        return form.pack(state["groups"], self.strategy_state) if form else state

    def stored_vectors(self) -> int:
        return _count_stored_patches(self)


@dataclass(frozen=True)
class _BufferParams(Params):
    mem_size: int = param(200, "stored training images, divided equally among experiences", low=0)


class _Buffered(TrainedDetector):
    """Stores random training images of every experience, as many of each as of the others."""

    stores_predictions = False

    @abstractmethod
    def rehearsal(self, buffer: Any) -> Any:
        """Create the plugin that trains on the stored images of `buffer`."""

    def plugins(self) -> list[Any]:
        return [*super().plugins(), self.rehearsal(self.buffer())]

    def buffer(self) -> Any:
        """The images that are stored before this experience."""
        from .plugins.image_buffer import ImageBuffer

        return ImageBuffer(self.params.mem_size, self.strategy_state, self.context.device)

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        import torch

        network = strategy.model.eval()
        with torch.no_grad():
            predict = network.predictions if self.stores_predictions else None
            state: dict[str, Any] = self.buffer().updated(experience, self.inputs, predict)
        return state

    def stored_vectors(self) -> int:
        return _count_stored_patches(self)


@dataclass(frozen=True)
class MIRParams(_BufferParams):
    """Avalanche's defaults."""

    candidates: int = param(200, "stored images that a batch is chosen from", low=1)


class MIR(_Buffered):
    """Trains on the stored images whose loss the next step would raise most (ER-MIR)."""

    def rehearsal(self, buffer: Any) -> Any:
        from .plugins.rehearsal_losses import InterferedRetrieval

        return InterferedRetrieval(buffer, self.params.candidates, self.training_view)


@dataclass(frozen=True)
class DERPPParams(_BufferParams):
    """Avalanche's defaults."""

    derpp_alpha: float = param(0.1, "weight of the distance to old predictions", low=0)
    derpp_beta: float = param(0.5, "weight of the loss on stored images", low=0)


class DERPP(_Buffered):
    """Keeps old predictions on stored images and trains on stored images (DER++)."""

    stores_predictions = True

    def rehearsal(self, buffer: Any) -> Any:
        from .plugins.rehearsal_losses import DarkExperienceReplay

        weights = self.params.derpp_alpha, self.params.derpp_beta
        return DarkExperienceReplay(buffer, *weights, self.training_view)


@dataclass(frozen=True)
class GenerativeParams(Params):
    """As many generated images as new ones, as in Wiewel and Yang's experiments."""

    generated: float = param(1.0, "generated images per new image of a batch", low=0)


class Generative(TrainedDetector):
    """Trains also on images that the network before the experience generates.

    Nothing is stored: the generator is the network before the experience.
    """

    def plugins(self) -> list[Any]:
        from .plugins.rehearsal_losses import GenerativeReplay

        if not self.experiences or not self.params.generated:
            return super().plugins()
        plugin = GenerativeReplay(self.network, self.params.generated, self.training_view)
        return [*super().plugins(), plugin]


@dataclass(frozen=True)
class AGEMParams(_BufferParams):
    """The same memory as the other strategies; the source has no value for images of this kind."""

    sample_size: int = param(32, "stored images of each reference gradient", low=1)


class AGEM(_Buffered):
    """Removes the part of a gradient that raises the loss on stored images (`AGEMPlugin`)."""

    def rehearsal(self, buffer: Any) -> Any:
        from .plugins.averaged_gem import AveragedGEM

        return AveragedGEM(buffer, self.params.sample_size, self.training_view)


@dataclass(frozen=True)
class GSSParams(Params):
    """Avalanche's defaults."""

    mem_size: int = param(200, "stored training images", low=0)
    subsets: int = param(5, "parts of the memory that an image is compared with", low=1)


class GSS(TrainedDetector):
    """Replays images whose gradients differ from those of the other stored ones (GSS-greedy)."""

    def plugins(self) -> list[Any]:
        from .plugins.gradient_sampling import GradientSampling

        sizes = self.params.mem_size, self.params.subsets
        self.gss = GradientSampling(
            *sizes, self.strategy_state, self.training_view, self.context.device
        )
        return [*super().plugins(), self.gss]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        state: dict[str, Any] = self.gss.state()
        return state

    def stored_vectors(self) -> int:
        values = self.strategy_state.get("values")
        return 0 if values is None or self.inputs == "images" else values.shape[:2].numel()


class Cumulative(TrainedDetector):
    """Trains the network further on all images seen so far, which are stored (`Cumulative`)."""

    def learn(self, experience: TrainExperience) -> None:
        from .plugins.training import train
        from .stored_images import add_experience, as_dataset

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
        from .plugins.training import train
        from .stored_images import add_experience, as_experiences

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
    images = (one for group in groups for one in group.get("stored", group.get("values")))
    return sum(len(patches) for patches in images)
