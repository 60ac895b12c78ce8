"""Models of anomalib, fitted again at each experience, on the patches that every method gets."""

from __future__ import annotations

import functools
import importlib.metadata
import random
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import CellFacts, Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ...results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYER = "patches"
"""What the one layer is called that models are given instead of a backbone's."""

_STRIDE = 8
"""Pixels a patch of the image that a model believes it sees: 224 for 28 x 28 patches."""

_BATCH = 32
_LARGEST_MAP = 65504.0


def installed_version() -> str | None:
    """The version of anomalib that is installed; None where the extra is not."""
    try:
        return importlib.metadata.version("anomalib")
    except importlib.metadata.PackageNotFoundError:
        return None


def record_version(ours: str) -> str:
    """A method's version that tells records of different versions of anomalib apart."""
    theirs = installed_version()
    return f"{ours}, anomalib {theirs}" if theirs else ours


@dataclass(frozen=True)
class AnomalibParams(Params):
    """What is fitted on what, for every model."""

    regime: Literal["naive", "replay", "joint"] = param(
        "naive",
        "what is fitted at each experience: its images; these and a sample of earlier ones; or all "
        "images seen so far",
    )
    replay_images: int = param(20, "earlier images whose patches replay keeps", low=1)


class Anomalib(Method):
    """An anomalib model whose feature extractor is replaced by the patches that a method gets.

    Everything behind the extractor is anomalib's own: fitting, scoring, the smoothing of maps,
    which are averaged back to the grid of patches. Nothing is downloaded: the backbone that it
    would load is made without weights and dropped.
    """

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        refuse_without_extra(type(self).__name__)
        # One row an image (n, P, D), and what decides which are kept: their priorities.
        self.kept = np.empty(
            (0, context.grid[0] * context.grid[1], context.feature_dim), np.float16
        )
        self.priorities = np.empty(0)
        self.images = 0
        self.fitted: dict[str, Tensor] = {}
        self._model: nn.Module | None = None

    @classmethod
    def resolve(cls, params: Any, facts: CellFacts) -> Any:
        refuse_without_extra(cls.__name__)
        return params

    @abstractmethod
    def make(self, images: int) -> nn.Module:
        """The model for so many training images, with anomalib imported: not fitted yet."""

    @abstractmethod
    def fit(self, model: Any) -> None:
        """End the training of a model that has seen all images."""

    def observe(self, experience: TrainExperience) -> None:
        import torch

        new = [experience.patches(category)[1] for category in experience.categories]
        kept = torch.from_numpy(self.kept).to(self.context.device).float()
        every = torch.cat([kept, *new])
        draw = self.context.rng("anomalib", f"experience {experience.index}")
        with own_random_state(int(draw.integers(2**31))), torch.no_grad():
            model = self._made(len(every)).train()
            for patches in every.split(_BATCH):
                self._run(model, patches)
            try:
                self.fit(model)
            except (RuntimeError, ValueError) as error:  # too few images for its matrices
                name, reason = type(self).__name__, str(error).split("\n")[0]
                raise CadbenchError(
                    f"anomalib's {name} cannot be fitted to {len(every)} images: {reason}"
                ) from error
        self.images = len(every)
        self.fitted = {
            name: tensor.detach().contiguous().clone()
            for name, tensor in model.state_dict().items()
        }
        self._model = None
        if self.params.regime != "naive":
            for category, patches in zip(experience.categories, new, strict=True):
                self._keep(category, patches.cpu().numpy())

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        if self._model is None:
            with own_random_state(0):
                self._model = self._made(self.images)
            self._model.load_state_dict(self.fitted)
            self._model.eval()
        with torch.no_grad():
            found = self._run(self._model, batch.patches)
        maps = found.anomaly_map
        if maps is not None:
            maps = maps.reshape(len(batch), 1, *maps.shape[-2:])
            maps = torch.nn.functional.adaptive_avg_pool2d(maps, self.context.grid)[:, 0]
            maps = maps.clamp(max=_LARGEST_MAP)
        return Prediction(found.pred_score.reshape(len(batch)), maps)

    def memory(self) -> MemoryReport:
        held = sum(tensor.nbytes for tensor in self.fitted.values())
        kept = self.kept.nbytes + self.priorities.nbytes
        vectors = self.vectors()
        replayed = self.kept.shape[0] * self.kept.shape[1]
        return MemoryReport(vectors, vectors + replayed, held, held + kept)

    def vectors(self) -> int:
        """Patch embeddings that the fitted model holds; those of distributions are none."""
        return 0

    def state_dict(self) -> State:
        return {
            "kept": self.kept,
            "priorities": self.priorities,
            "images": self.images,
            "fitted": self.fitted,
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.kept, self.priorities = state["kept"], state["priorities"]
        self.images = state["images"]
        self.fitted = {name: tensor.to(device) for name, tensor in state["fitted"].items()}
        self._model = None

    def _made(self, images: int) -> Any:
        model = self.make(images)
        model.feature_extractor = _given_patches()()
        return model.to(self.context.device)

    def _run(self, model: Any, patches: Tensor) -> Any:
        """What the model answers to an image that has these patches (B, P, D)."""
        height, width = self.context.grid
        maps = patches.mT.contiguous().reshape(len(patches), -1, height, width)
        model.feature_extractor.maps = maps
        size = (len(patches), 3, _STRIDE * height, _STRIDE * width)
        return model(patches.new_zeros(()).expand(size))

    def _keep(self, category: str, patches: np.ndarray) -> None:
        """All patches (B, P, D), or those of a uniform sample of images, whatever the order."""
        drawn = self.context.rng("reservoir", category).random(len(patches))
        priorities = np.concatenate([self.priorities, drawn])
        every = np.concatenate([self.kept, _exact(patches)])
        if self.params.regime == "replay":
            chosen = np.argsort(priorities, kind="stable")[: self.params.replay_images]
            priorities, every = priorities[chosen], every[chosen]
        self.priorities, self.kept = priorities, every


def refuse_without_extra(called: str) -> None:
    """`UsageError` where anomalib is not installed."""
    if installed_version() is None:
        raise UsageError(
            f"method anomalib:{called} needs anomalib, which is not installed; "
            "pip install 'cadbench[anomalib]'"
        )


@contextmanager
def own_random_state(seed: int) -> Iterator[None]:
    """Global generators seeded for foreign code, and left afterwards as they were."""
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
def quietly() -> Iterator[None]:
    """For the import of anomalib, which warns of its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _exact(patches: np.ndarray) -> np.ndarray:
    """In float16, as they lie in the cache, where that loses nothing."""
    half = patches.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), patches) else patches


@functools.cache
def _given_patches() -> type[nn.Module]:
    """A feature extractor that answers with the maps it was given, whatever the image."""
    from torch import nn

    class GivenPatches(nn.Module):
        maps: Tensor

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {LAYER: self.maps}

    return GivenPatches
