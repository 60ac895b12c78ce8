"""What trained detectors share: one network, which Avalanche trains on each experience."""

from __future__ import annotations

import contextlib
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ...results.errors import CadbenchError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Inputs = Literal["images", "patches"]


@dataclass(frozen=True)
class TrainingParams(Params):
    """How a network is trained on an experience; detectors set defaults of their own."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(0.001, "learning rate", above=0)
    batch_size: int = param(8, "images in a step", low=2)


class TrainedDetector(Method):
    """One network for all categories; subclasses say which, and strategies how it goes on.

    A network maps inputs (B, ...) to errors (B, K), and is trained to make the mean over images
    of their summed squares small. The optimizer starts anew with each experience. Between
    experiences there is nothing but the network and what the strategy keeps, `kept`: plain values
    and tensors, from which each experience builds its Avalanche strategy.
    """

    Params: ClassVar[type[Params]] = TrainingParams
    inputs: ClassVar[Inputs]
    """What the network is trained on."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.experiences = 0
        self.network: nn.Module | None = None
        self.kept: dict[str, Any] = {}

    @abstractmethod
    def untrained(self) -> nn.Module:
        """The network in its first state, which depends on the seed only."""

    @abstractmethod
    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """A new optimizer of the network's parameters."""

    @abstractmethod
    def maps(self, network: nn.Module, batch: TestBatch) -> Tensor:
        """(B, h, w): how badly each patch of the images is predicted."""

    def plugins(self) -> list[Any]:
        """Avalanche plugins that training needs, those of the strategy among them."""
        return []

    def keep(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        """What the strategy will need for the next experience."""
        return {}

    def observe(self, experience: TrainExperience) -> None:
        # Avalanche warns at import and at each step, and sets filters of its own to do so.
        with (
            warnings.catch_warnings(record=True),
            self.drawing("training", self.training_name(experience)),
        ):
            self.learn(experience)
        self.experiences += 1
        assert self.network is not None
        self.network.eval()
        self.network.zero_grad()
        self._refuse_divergence(experience)

    def training_name(self, experience: TrainExperience) -> str:
        """What the draws of this training depend on, beside the seed."""
        return str(experience.index)

    def learn(self, experience: TrainExperience) -> None:
        """Train the network on the new experience."""
        from .plugins import strategy, train

        self.network = self.network or self.untrained()
        trained = strategy("Naive", self, self.network, self.plugins())
        train(trained, experience.as_avalanche(self.inputs))
        self.kept = self.keep(trained, experience)

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        assert self.network is not None
        with torch.no_grad(), _exact():
            maps = self.maps(self.network, batch)
        return Prediction(maps.flatten(1).amax(1), maps)

    def memory(self) -> MemoryReport:
        assert self.network is not None
        network = sum(tensor.nbytes for tensor in self.network.state_dict().values())
        kept = sum(tensor.nbytes for tensor in _tensors(self.kept))
        return MemoryReport(0, self.kept_vectors(), network, network + kept)

    def kept_vectors(self) -> int:
        """Patch embeddings that the strategy keeps."""
        return 0

    def state_dict(self) -> State:
        assert self.network is not None
        network = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return {"experiences": self.experiences, "network": network, "kept": self.kept}

    def load_state_dict(self, state: State) -> None:
        self.experiences = state["experiences"]
        self.network = self.untrained()
        self.network.load_state_dict(state["network"])
        self.network.eval()
        self.kept = state["kept"]

    def _refuse_divergence(self, experience: TrainExperience) -> None:
        import torch

        assert self.network is not None
        if not all(torch.isfinite(value).all() for value in self.network.state_dict().values()):
            raise CadbenchError(
                f"training diverged in experience {experience.index} "
                f"({', '.join(experience.categories)}): give a lower lr, or a lower weight of the "
                "strategy's penalty"
            )

    @contextlib.contextmanager
    def drawing(self, purpose: str, name: str = "") -> Iterator[None]:
        """torch's own generators, seeded for a purpose within and afterwards as they were."""
        import torch

        device = self.context.device
        on_cuda = device.type == "cuda"
        seed = int(self.context.rng(purpose, name).integers(2**62))
        # Not torch.manual_seed, which would reach generators of devices that are not put back.
        with torch.random.fork_rng(devices=[device] if on_cuda else []), _exact():
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield


def _exact() -> contextlib.AbstractContextManager[Any]:
    """Convolutions that are the same each time, also on CUDA."""
    import torch

    cudnn: Any = torch.backends.cudnn
    flags: contextlib.AbstractContextManager[Any] = cudnn.flags(
        enabled=True, deterministic=True, allow_tf32=False
    )
    return flags


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in nested lists and dicts."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _tensors(inner)
