"""What a cell has produced so far: a step for each finished experience."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ..system.thread_pools import Aside

T = TypeVar("T")
Measuring: TypeAlias = Aside[dict[str, float] | None]


@dataclass(eq=False)
class Scored:
    """What one experience gave for one column of R, aligned with the test source's ids.

    scores (n,) float32; routes (n,) int16, -1 where the method does not route.
    """

    scores: np.ndarray
    routes: np.ndarray


@dataclass(eq=False)
class Step:
    """What one experience added: the categories scored anew, and what else was noted.

    shown: the categories that have scores after it, those carried over included;
    maps: patch maps (n, h, w) float16 of the categories scored anew, where they are kept;
    pixels: what `PixelMeter` measured on all maps of the categories scored anew, except of those
    in `measuring`, where that goes on beside the rest.
    """

    experience: int
    shown: tuple[str, ...] = ()
    fresh: dict[str, Scored] = field(default_factory=dict)
    maps: dict[str, np.ndarray] = field(default_factory=dict)
    pixels: dict[str, dict[str, float]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    memory: list[dict[str, Any]] = field(default_factory=list)
    observe_seconds: float = 0.0
    score_seconds: float = 0.0
    measuring: dict[str, Measuring] = field(default_factory=dict)

    def measured(self) -> dict[str, dict[str, float]]:
        """`pixels`, waited for where they are still being measured; what comes last is done here.

        It was begun in order, so from the end two threads share what is left.
        """
        while self.measuring:
            category = next(reversed(self.measuring))
            if (pixels := self.measuring[category].result()) is not None:
                self.pixels[category] = pixels
            del self.measuring[category]
        return self.pixels

    def as_state(self) -> dict[str, Any]:
        """Plain values and arrays, for `cadbench.benchmark.system.serialization`."""
        self.measured()
        fresh = {category: vars(scored) for category, scored in self.fresh.items()}
        state = {**vars(self), "fresh": fresh}
        del state["measuring"]
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Step:
        """The step that `as_state` wrote."""
        fresh = {category: Scored(**scored) for category, scored in state["fresh"].items()}
        return cls(**{**state, "fresh": fresh, "shown": tuple(state["shown"])})


@dataclass(eq=False)
class Progress:
    """All that a cell has produced up to its last finished experience, and the method's state."""

    steps: list[Step] = field(default_factory=list)
    method_state: Any = None

    @property
    def experience(self) -> int:
        """The last finished experience; 0 before the first."""
        return len(self.steps)

    @property
    def rows(self) -> list[dict[str, Scored]]:
        """Scores by category after each experience, carried over where nothing changed."""
        return self._carried(lambda step: step.fresh)

    @property
    def maps(self) -> list[dict[str, np.ndarray]]:
        """Maps by category after each experience, as far as they were kept."""
        return self._carried(lambda step: step.maps)

    @property
    def pixels(self) -> list[dict[str, dict[str, float]]]:
        """Pixel metrics by category after each experience, as far as they are defined."""
        return self._carried(lambda step: step.measured())

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for step in self.steps for event in step.events]

    @property
    def memory(self) -> list[dict[str, Any]]:
        return [row for step in self.steps for row in step.memory]

    @property
    def observe_seconds(self) -> float:
        return sum(step.observe_seconds for step in self.steps)

    @property
    def score_seconds(self) -> float:
        return sum(step.score_seconds for step in self.steps)

    def _carried(self, of: Callable[[Step], Mapping[str, T]]) -> list[dict[str, T]]:
        rows: list[dict[str, T]] = []
        latest: dict[str, T] = {}
        for step in self.steps:
            latest = {**latest, **of(step)}
            rows.append({c: latest[c] for c in step.shown if c in latest})
        return rows
