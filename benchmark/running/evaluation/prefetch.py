"""Prefetching of coresets: they are selected in a background thread while a method scores.

A selection runs on one core, and the neighbor search leaves some of the others idle.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...features.feature_set import FeatureSet
from ...services.coresets.service import Coresets
from ...streams.stream import Experience, Stream
from ..cell import Cell
from .batches import train_experience

_EXPERIENCES = 4
"""How many experiences to prefetch for: early experiences are scored faster than a coreset is
selected."""


@dataclass
class CoresetPrefetcher:
    """Prefetches, for the next experiences, the coresets that the method requested for this one.

    As a context, it cancels at its end what has not started.
    """

    cell: Cell
    stream: Stream
    features: FeatureSet
    coresets: Coresets
    _prefetched: int = 0

    def __enter__(self) -> CoresetPrefetcher:
        return self

    def __exit__(self, *error: object) -> None:
        self.coresets.cancel_prefetch()

    def prefetch_after(self, experience: Experience) -> None:
        """Start to select for the experiences after the one that the method has observed."""
        if not (requests := self.coresets.drain_requests()):
            return
        end = experience.index + _EXPERIENCES
        for later in self.stream.train_stream[max(self._prefetched, experience.index) : end]:
            training = train_experience(later, self.stream, self.features, False, self.cell.routing)
            self.coresets.prefetch(requests, training)
        self._prefetched = end
