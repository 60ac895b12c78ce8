"""Coresets that coming experiences will ask for, selected beside the scoring of earlier ones.

A selection takes one core, and the search for neighbors leaves some of the others idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..features.feature_set import FeatureSet
from ..services.coresets.service import Coresets
from ..streams.stream import Experience, Stream
from .batches import train_experience
from .cell import Cell

_EXPERIENCES = 4
"""How far ahead: the first of a stream are scored sooner than the next coreset is selected."""


@dataclass
class Ahead:
    """Has selected for the next experiences what the method asked this one for."""

    cell: Cell
    stream: Stream
    features: FeatureSet
    coresets: Coresets
    _begun: int = 0

    def begin(self, experience: Experience) -> None:
        """To be called when a method has observed an experience."""
        if not (asked := self.coresets.asked()):
            return
        end = experience.index + _EXPERIENCES
        for coming in self.stream.train_stream[max(self._begun, experience.index) : end]:
            shown = train_experience(coming, self.stream, self.features, False, self.cell.routing)
            self.coresets.begin(asked, shown)
        self._begun = end

    @contextmanager
    def until_done(self) -> Iterator[None]:
        """Afterwards nothing more is begun."""
        try:
            yield
        finally:
            self.coresets.stop()
