"""The base of trained detectors: one network, which Avalanche trains on each experience."""

from __future__ import annotations

import contextlib
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ...results.errors import CadbenchError
from ..deterministic import deterministic

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork
    from .stored_images import Inputs


Precision: TypeAlias = Literal["float32", "mixed"]


@dataclass(frozen=True)
class TrainingParams(Params):
    """How the network is trained on an experience; detectors have their own defaults."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(0.001, "learning rate", above=0)
    batch_size: int = param(8, "images per training step", low=2)
    precision: Precision = param(
        "float32",
        "of training; mixed: predictions in bfloat16 (torch.autocast)",
        later=True,
    )


class TrainedDetector(Method):
    """One network for all categories. A subclass defines the network or the continual strategy.

    A network (`ErrorNetwork`) maps inputs (B, ...) to errors (B, K) and is trained to minimize the
    mean over images of the sum of squared errors. Each experience has a new optimizer. Between
    experiences only the network and `strategy_state` are stored: plain values and tensors, from
    which the Avalanche strategy of the next experience is built.
    """

    Params: ClassVar[type[Params]] = TrainingParams
    inputs: ClassVar[Inputs]
    """What the network is trained on."""
    title: ClassVar[str] = ""
    """How the detector is called in descriptions."""
    generates: ClassVar[bool] = False
    """Whether its network has `generate`, which makes inputs (count, ...) from random codes."""
    strategies: ClassVar[str] = "cadbench.methods.trained.combining:with_strategy"
    """The function for `module:Class+STRATEGY`, by name, because it imports this module."""
    strategy_defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of a strategy's parameters that differ for this detector."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.experiences = 0
        self.network: ErrorNetwork | None = None
        self.strategy_state: dict[str, Any] = {}

    @abstractmethod
    def untrained(self) -> ErrorNetwork:
        """Create the untrained network; it depends only on the seed."""

    @abstractmethod
    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        """Create an optimizer for the parameters of a network."""

    @abstractmethod
    def maps(self, network: ErrorNetwork, batch: TestBatch) -> Tensor:
        """Anomaly maps (B, h, w): the error of the network at each patch."""

    def training_view(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """What a training step uses of a batch, such as random patches.

        Args:
            tensors: inputs (B, ...), and predictions for them, of which it takes the same part.
        """
        return list(tensors)

    def plugins(self) -> list[Any]:
        """Create the Avalanche plugins for one experience, those of the strategy included."""
        return []

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        """What the strategy needs for the next experience.

        Args:
            strategy: the Avalanche strategy after training.
            experience: the experience that it was trained on.
        """
        return {}

    def observe(self, experience: TrainExperience) -> None:
        # Avalanche warns at import and in each step, and changes the warning filters itself.
        with (
            warnings.catch_warnings(record=True),
            self.seeded_torch("training", self.training_name(experience)),
        ):
            self.learn(experience)
        self.experiences += 1
        for network in self.networks():
            network.eval()
            network.zero_grad()
        self._refuse_divergence(experience)

    def networks(self) -> list[ErrorNetwork]:
        """All networks; a strategy may have several."""
        assert self.network is not None
        return [self.network]

    def training_name(self, experience: TrainExperience) -> str:
        """The name that seeds the random numbers of this training, together with the seed."""
        return str(experience.index)

    def learn(self, experience: TrainExperience) -> None:
        """Train the network on the new experience."""
        from .plugins.training import train

        self.network = self.network or self.untrained()
        strategy = self.build_strategy("Naive", self.network)
        train(strategy, experience.as_avalanche(self.inputs))
        self.strategy_state = self.updated_state(strategy, experience)

    def build_strategy(self, name: str, network: ErrorNetwork) -> Any:
        """Build an Avalanche strategy for the next experience.

        Args:
            name: class name in `avalanche.training.supervised`.
            network: the network that it trains.
        """
        from .plugins.training import RecordedLoss, TrainingView, build_strategy

        network.mixed = self.params.precision == "mixed"
        plugins = [
            *self.plugins(),
            TrainingView(self.training_view),
            RecordedLoss(self.context.record),
        ]
        return build_strategy(
            name,
            network,
            self.optimizer(network),
            plugins,
            batch_size=self.params.batch_size,
            epochs=self.params.epochs,
            device=self.context.device,
            experiences=self.experiences,
        )

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        assert self.network is not None
        with torch.no_grad(), deterministic():
            maps = self.maps(self.network, batch)
            return Prediction(self.image_scores(maps), maps)

    def image_scores(self, maps: Tensor) -> Tensor:
        """Image scores (B,) of anomaly maps (B, h, w): the maximum."""
        return maps.flatten(1).amax(1)

    def memory(self) -> MemoryReport:
        assert self.network is not None
        network = count_bytes(self.network.state_dict())
        stored = network + count_bytes(self.strategy_state)
        vectors = self.stored_vectors()
        return MemoryReport(0, vectors, network, stored, **self.network_size(network))

    def network_size(self, nbytes: int) -> dict[str, Any]:
        """The entries of `MemoryReport` about networks, which take `nbytes` bytes."""
        assert self.network is not None
        trained = [each for each in self.network.parameters() if each.requires_grad]
        stored = [each for network in self.networks() for each in network.parameters()]
        return {
            "parameters_trained": sum(each.numel() for each in trained),
            "parameters_stored": sum(each.numel() for each in stored),
            "network_bytes": nbytes,
        }

    def stored_vectors(self) -> int:
        """Number of patch embeddings that the strategy stores."""
        return 0

    def state_dict(self) -> State:
        assert self.network is not None
        return {
            "experiences": self.experiences,
            "network": self.copied_weights(self.network),
            "strategy": self.strategy_state,
        }

    def load_state_dict(self, state: State) -> None:
        self.experiences = state["experiences"]
        self.network = self.restored_network(state["network"])
        self.strategy_state = state["strategy"]

    def copied_weights(self, network: ErrorNetwork) -> State:
        """Copies of the parameters and batch statistics of a network."""
        return {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def restored_network(self, weights: State) -> ErrorNetwork:
        """A network with the weights that `copied_weights` returned, to score with."""
        network = self.untrained()
        network.load_state_dict(weights)
        return network.eval()

    def _refuse_divergence(self, experience: TrainExperience) -> None:
        import torch

        values = (value for each in self.networks() for value in each.state_dict().values())
        if not all(torch.isfinite(value).all() for value in values):
            raise CadbenchError(
                f"training diverged in experience {experience.index} "
                f"({', '.join(experience.categories)}): use a lower lr, or a lower weight of the "
                "strategy's penalty"
            )

    @contextlib.contextmanager
    def seeded_torch(self, purpose: str, name: str = "") -> Iterator[None]:
        """Seed torch's global generators in a `with` block and restore them afterwards.

        Args:
            purpose: what the random numbers are for, as for `MethodContext.rng`.
            name: the name for `MethodContext.rng`.
        """
        import torch

        device = self.context.device
        on_cuda = device.type == "cuda"
        seed = int(self.context.rng(purpose, name).integers(2**62))
        # torch.manual_seed would also seed the generators of devices that are not restored.
        with torch.random.fork_rng(devices=[device] if on_cuda else []), deterministic():
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield


def count_bytes(value: Any) -> int:
    """Bytes of all tensors in nested lists and dicts."""
    return sum(tensor.nbytes for tensor in _tensors(value))


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
