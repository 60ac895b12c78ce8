"""The base of anomalib's models: fitted at each experience, on the patches of the benchmark."""

from __future__ import annotations

import functools
import importlib.metadata
import random
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import CellFacts, Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ...results.counts import format_count
from ...results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYER = "patches"
"""Name of the only layer; it replaces the layers of a backbone."""

_STRIDE = 8
"""Pixels per patch of the image size that models are given: 224 for 28 x 28 patches."""

_BATCH = 32
_LARGEST_MAP = 65504.0
"""Largest float16; maps are stored as float16."""


def installed_version() -> str | None:
    """The installed version of anomalib; None if it is not installed."""
    try:
        return importlib.metadata.version("anomalib")
    except importlib.metadata.PackageNotFoundError:
        return None


def record_version(version: str) -> str:
    """Append the installed version of anomalib to a version, which is part of record keys."""
    installed = installed_version()
    return f"{version}, anomalib {installed}" if installed else version


@dataclass(frozen=True)
class AnomalibParams(Params):
    """The images that a model is fitted to."""

    regime: Literal["naive", "replay", "joint"] = param(
        "naive",
        "images that the model is fitted to: those of the experience; these and a sample of "
        "earlier ones; or all seen so far",
    )
    replay_images: int = param(20, "earlier images that replay stores", low=1)


A = TypeVar("A", bound=AnomalibParams)


class AnomalibMethod(Method[A]):
    """An anomalib model that gets the patches of the benchmark instead of its own features.

    Everything after the feature extractor is anomalib's: fitting, scoring, and the smoothing of
    maps, which are averaged back to the patch grid. Nothing is downloaded: the backbone is created
    without weights and replaced.
    """

    def __init__(self, params: A, context: MethodContext) -> None:
        super().__init__(params, context)
        require_anomalib(type(self).__name__)
        # Stored images (n, P, D), and the random priorities that decide which ones stay.
        self.stored = np.empty(
            (0, context.grid[0] * context.grid[1], context.feature_dim), np.float16
        )
        self.priorities = np.empty(0)
        self.images = 0
        self.fitted: dict[str, Tensor] = {}
        self._model: nn.Module | None = None

    @classmethod
    def resolve(cls, params: A, facts: CellFacts) -> A:
        require_anomalib(cls.__name__)
        return params

    @abstractmethod
    def make(self, images: int) -> nn.Module:
        """Create the unfitted model, for a number of training images; imports anomalib."""

    @abstractmethod
    def fit(self, model: Any) -> None:
        """Fit a model that has processed all training images."""

    def observe(self, experience: TrainExperience) -> None:
        import torch

        new = [experience.patches(category)[1] for category in experience.categories]
        stored = torch.from_numpy(self.stored).to(self.context.device).float()
        images = torch.cat([stored, *new])
        rng = self.context.rng("anomalib", f"experience {experience.index}")
        with seeded_globals(int(rng.integers(2**31))), torch.no_grad():
            model = self._build(len(images)).train()
            for patches in images.split(_BATCH):
                self._run(model, patches)
            try:
                self.fit(model)
            except (RuntimeError, ValueError) as error:  # too few images
                name, reason = type(self).__name__, str(error).split("\n")[0]
                raise CadbenchError(
                    f"anomalib's {name} cannot be fitted to {format_count(len(images), 'image')}: "
                    f"{reason}"
                ) from error
        self.images = len(images)
        self.fitted = {
            name: tensor.detach().contiguous().clone()
            for name, tensor in model.state_dict().items()
        }
        self._model = None
        if self.params.regime != "naive":
            for category, patches in zip(experience.categories, new, strict=True):
                self._store(category, patches.cpu().numpy())

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        if self._model is None:
            with seeded_globals(0):
                self._model = self._build(self.images)
            self._model.load_state_dict(self.fitted)
            self._model.eval()
        with torch.no_grad():
            output = self._run(self._model, batch.patches)
        maps = output.anomaly_map
        if maps is not None:
            maps = maps.reshape(len(batch), 1, *maps.shape[-2:])
            maps = torch.nn.functional.adaptive_avg_pool2d(maps, self.context.grid)[:, 0]
            maps = maps.clamp(max=_LARGEST_MAP)
        return Prediction(output.pred_score.reshape(len(batch)), maps)

    def memory(self) -> MemoryReport:
        model = sum(tensor.nbytes for tensor in self.fitted.values())
        stored = self.stored.nbytes + self.priorities.nbytes
        vectors = self.vectors()
        patches = self.stored.shape[0] * self.stored.shape[1]
        return MemoryReport(vectors, vectors + patches, model, model + stored)

    def vectors(self) -> int:
        """Number of patch embeddings in the fitted model; 0 for distributions."""
        return 0

    def state_dict(self) -> State:
        return {
            "stored": self.stored,
            "priorities": self.priorities,
            "images": self.images,
            "fitted": self.fitted,
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.stored, self.priorities = state["stored"], state["priorities"]
        self.images = state["images"]
        self.fitted = {name: tensor.to(device) for name, tensor in state["fitted"].items()}
        self._model = None

    def _build(self, images: int) -> Any:
        """Create the model with the feature extractor replaced."""
        model = self.make(images)
        model.feature_extractor = _fixed_maps_class()()
        return model.to(self.context.device)

    def _run(self, model: Any, patches: Tensor) -> Any:
        """Run the model on images with these patches (B, P, D)."""
        height, width = self.context.grid
        maps = patches.mT.contiguous().reshape(len(patches), -1, height, width)
        model.feature_extractor.maps = maps
        size = (len(patches), 3, _STRIDE * height, _STRIDE * width)
        return model(patches.new_zeros(()).expand(size))

    def _store(self, category: str, patches: np.ndarray) -> None:
        """Store all images (B, P, D), or for `replay` a uniform sample in any order."""
        new = self.context.rng("reservoir", category).random(len(patches))
        priorities = np.concatenate([self.priorities, new])
        stored = np.concatenate([self.stored, _compact(patches)])
        if self.params.regime == "replay":
            chosen = np.argsort(priorities, kind="stable")[: self.params.replay_images]
            priorities, stored = priorities[chosen], stored[chosen]
        self.priorities, self.stored = priorities, stored


def require_anomalib(name: str) -> None:
    """Raise `UsageError` if anomalib is not installed; `name` is the class of the method."""
    if installed_version() is None:
        raise UsageError(
            f"method anomalib:{name} needs anomalib, which is not installed; "
            "pip install 'cadbench[anomalib]'"
        )


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed the global generators for code that uses them, and restore them afterwards."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore warnings: importing anomalib warns of its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _compact(patches: np.ndarray) -> np.ndarray:
    """The patches as float16, as in the cache, if that is exact; otherwise unchanged."""
    half = patches.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), patches) else patches


@functools.cache
def _fixed_maps_class() -> type[nn.Module]:
    """The class of a feature extractor that ignores the image and returns the maps set on it."""
    from torch import nn

    class FixedMaps(nn.Module):
        maps: Tensor

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {LAYER: self.maps}

    return FixedMaps
