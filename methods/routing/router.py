"""The interface of a router: it chooses the expert that scores an image of unknown category."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Candidates:
    """The E experts that can score a batch of B images.

    Attributes:
        experts: indices of the experts, ascending.
        distances: (E, B, P) float32, the distance of each patch to the memory of each expert.
        memories: the memory of each expert as blocks of vectors; empty if the experts hold none.
    """

    experts: Sequence[int]
    distances: Tensor
    memories: Sequence[Sequence[Block]] = ()


class Router(ABC):
    """Chooses an expert for each image of a batch whose category the method does not get.

    A subclass implements `route`. A router that is trained also implements `learn`, `nbytes`,
    `state_dict` and `load_state_dict`. `registry.ROUTERS` names all routers.
    """

    def __init__(self, context: MethodContext) -> None:
        self.context = context

    @abstractmethod
    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        """Choose an expert for each image.

        Returns:
            (B,) integers, positions in `candidates.experts`. On a tie, choose the first.
        """

    def learn(  # noqa: B027 - routers that are not trained need no `learn`
        self, expert: int, experience: TrainExperience, category: str, memory: Sequence[Block]
    ) -> None:
        """Learn that an expert now owns a category. The method calls this once per category.

        Args:
            expert: index of the expert.
            experience: the experience that contains the category.
            category: the category that the expert has just learned.
            memory: the vectors that it stores of its earlier categories, one block per category.
        """

    def nbytes(self, expert: int) -> int:
        """Bytes that were learned for an expert, counted as memory of this expert."""
        return 0

    def state_dict(self) -> State:
        """Return all that was learned, as part of the state of the method."""
        return {}

    def load_state_dict(self, state: State) -> None:  # noqa: B027
        """Continue from the `state_dict` of a router of the same class."""
