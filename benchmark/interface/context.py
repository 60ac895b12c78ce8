"""`MethodContext`: what a method may use, the same for every method of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...results.errors import CadbenchError
from ..system.rng import generator, seeded_torch

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .services import Backbone, CoresetService, NeighborService

Routing: TypeAlias = Literal["oracle", "inferred"]
"""Whether a method is given the category of a test image (`oracle`) or not (`inferred`)."""


@dataclass(frozen=True)
class MethodContext:
    """What a method may use.

    Attributes:
        seed: seed of the cell; draw random numbers from `rng`, never from global state.
        device: where tensors are and should stay.
        feature_dim: D, the length of a patch embedding.
        grid: (h, w) of the patch grid; an image has P = h * w patches.
        routing: `oracle` or `inferred`.
        coresets: cached coreset selection, shared by all cells.
        neighbors: cached nearest-neighbor distances, shared by all cells. A method that uses
            neither service is still correct, only slower.
    """

    seed: int
    device: torch.device
    feature_dim: int
    grid: tuple[int, int]
    routing: Routing
    coresets: CoresetService
    neighbors: NeighborService
    _record: Callable[[str, Mapping[str, Any]], None] = field(repr=False)
    _backbone: Callable[[], Backbone] | None = field(default=None, repr=False)

    def rng(self, purpose: str, name: str = "") -> np.random.Generator:
        """Return a generator that depends only on (seed, purpose, name)."""
        return generator(self.seed, purpose, name)

    def torch_rng(self, purpose: str, name: str = "") -> AbstractContextManager[None]:
        """Seed torch's global generators, of the CPU and of CUDA, for the block of a `with`.

        They are restored afterwards, so that nothing outside the block changes, and they depend
        only on (seed, purpose, name), so that no random state has to be saved:
        `with self.context.torch_rng("train", str(experience.index)):`.

        Args:
            purpose: what the numbers are for, such as `train`.
            name: distinguishes blocks of one purpose, such as the number of the experience.
        """
        return seeded_torch(self.seed, purpose, name, self.device)

    def backbone(self) -> Backbone:
        """Return the frozen backbone of the run, loaded on first use.

        Raises:
            CadbenchError: the context was made without a backbone.
        """
        if self._backbone is None:
            raise CadbenchError("this context was made without a backbone")
        return self._backbone()

    def record(self, kind: str, **values: str | int | float | bool | None) -> None:
        """Append one row to the events of the run record, such as the loss after an epoch.

        Args:
            kind: what the row is about, such as `epoch`; rows of one kind are shown together.
            **values: any columns; each holds numbers, texts, or true and false. The number of the
                experience is added. `assignment` rows need the columns that docs/plugins.md lists.

        Raises:
            CadbenchError: a value cannot be written.
        """
        self._record(kind, values)
