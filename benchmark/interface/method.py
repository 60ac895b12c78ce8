"""The method interface: the class that a continual anomaly detector implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias

from typing_extensions import TypeVar

from .context import MethodContext, Routing
from .experience import TestBatch, TrainExperience
from .memory_block import Block
from .params import Params
from .prediction import MemoryReport, Prediction

P = TypeVar("P", bound=Params, default=Any)
"""The `Params` class of a method: `class Mine(Method[MineParams])` types `self.params`."""

State: TypeAlias = dict[str, Any]
"""What `Method.state_dict` returns: tensors, numbers, texts, None, and lists and dicts of them."""


@dataclass(frozen=True)
class CellFacts:
    """What is known of a cell before it runs, to resolve parameters that are `auto`.

    Attributes:
        backbone: name of the backbone.
        embedding: name of the embedding.
        categories: number of categories in the stream.
        names: names of the categories, sorted, so that parameters that name categories can be
            checked. Empty if only the number is known. The order of the stream is not told.
        layers: layers of the backbone: strides, names, or blocks of a transformer.
    """

    backbone: str
    embedding: str
    categories: int
    names: tuple[str, ...] = ()
    layers: tuple[int | str, ...] = (8, 16)


class Method(ABC, Generic[P]):
    """A continual anomaly detector: it learns experiences one by one and scores at any time.

    A subclass sets `Params` to a frozen dataclass derived from `cadbench.Params`, and `version`.
    The first line of its docstring is what `cadbench methods` shows.
    """

    Params: ClassVar[type[Params]] = Params
    version: ClassVar[str] = "1"
    """Part of the key of every record: raise it when scores change."""
    uses_images: ClassVar[bool] = False
    """Set to True to call `images()` of experiences and batches: pixels are then cached too."""
    needs_transformer: ClassVar[bool] = False
    """Whether the method uses prompts, so that `cadbench run` refuses other backbones."""
    routings: ClassVar[tuple[Routing, ...]] = ("oracle", "inferred")
    """The routings that the method supports; `cadbench run` refuses any other."""
    recurring: ClassVar[bool] = False
    """Whether the method can learn a category again, under changed conditions or from more images.
    `cadbench run` refuses streams with returning categories if it cannot."""
    finds_boundaries: ClassVar[bool] = False
    """Whether it notices by itself that the stream has changed, and records each such `switch`, so
    that the metrics of boundaries are measured."""

    def __init__(self, params: P, context: MethodContext) -> None:
        self.params = params
        self.context = context

    @classmethod
    def resolve(cls, params: P, facts: CellFacts) -> P:
        """Replace every parameter that is `auto`, so that the record's key holds real values.

        Args:
            params: parameters as the user gave them.
            facts: what is known of the cell.

        Returns:
            Parameters without `auto`.
        """
        return params

    @classmethod
    def with_memory(cls, params: P, vectors: int, categories: int) -> P | None:
        """Change the parameters so that about `vectors` vectors are stored (`--match-memory`).

        Args:
            params: resolved parameters.
            vectors: number of vectors to store at the end of the stream.
            categories: number of categories in the stream.

        Returns:
            The changed parameters; None if the method cannot be given a memory size.
        """
        return None

    @classmethod
    def sharing_rank(cls, params: P) -> int:
        """Which cells of this method to compute first: those with a higher rank.

        Cells share neighbor distances. Distances to small memories bound those to larger ones, so
        rank parameters that give small memories higher. The rank changes only the run time.
        """
        return 0

    @abstractmethod
    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        """Learn an experience.

        Returns:
            The categories seen so far whose scores may have changed; None means all of them.
        """

    @abstractmethod
    def score(self, batch: TestBatch) -> Prediction:
        """Score a batch of test images with what was learned so far."""

    @abstractmethod
    def memory(self) -> MemoryReport:
        """Report what is stored now."""

    def scoring_blocks(self) -> Mapping[int, Sequence[Block]] | None:
        """Return the vectors that the method scores with now, for `wrong_neighbor_rate`.

        Returns:
            Expert -> its blocks; the key -1 for a method whose predictions have no `route`. None
            if the method has no such vectors. Blocks of the coreset service know their category.
        """
        return None

    @abstractmethod
    def state_dict(self) -> State:
        """Return all that was learned, for checkpoints."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Continue from the `state_dict` of a method of the same class and parameters."""


def summary(method: type[Method]) -> str:
    """Return the first line of a method's docstring."""
    return (method.__doc__ or "").strip().split("\n")[0]
