"""What a cell has produced so far: one step per finished experience."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(eq=False)
class ColumnScores:
    """Scores of images of one column of R after one experience.

    Those of test images are aligned with the ids of the column's test source, those of held-out
    images with `Stream.held_out`.

    Attributes:
        scores: (n,) float32.
        routes: (n,) int16; -1 if the method does not route.
    """

    scores: np.ndarray
    routes: np.ndarray


@dataclass(eq=False)
class Step:
    """What one experience added.

    Attributes:
        experience: number of the experience, from 1.
        columns: columns of R that have scores after it, including those that did not change.
        scores: scores of the columns that were scored in this step.
        held_out: scores of the held-out training images of the columns that it introduces.
        maps: anomaly maps (n, h, w) float16 of these columns, if they are kept.
        map_grid: (h, w) of the maps; None before the method's first map.
        pixels: pixel metrics of the maps of these columns.
        events: rows of the events table.
        memory: rows of the memory table.
        costs: what learning cost (`CostEntry` of a record).
        observe_seconds: duration of `Method.observe`.
        score_seconds: duration of scoring.
    """

    experience: int
    columns: tuple[str, ...] = ()
    scores: dict[str, ColumnScores] = field(default_factory=dict)
    held_out: dict[str, ColumnScores] = field(default_factory=dict)
    maps: dict[str, np.ndarray] = field(default_factory=dict)
    pixels: dict[str, dict[str, float]] = field(default_factory=dict)
    map_grid: tuple[int, int] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    memory: list[dict[str, Any]] = field(default_factory=list)
    costs: dict[str, Any] = field(default_factory=dict)
    observe_seconds: float = 0.0
    score_seconds: float = 0.0

    def as_state(self) -> dict[str, Any]:
        """Plain values and arrays, for `cadbench.benchmark.system.serialization`."""
        scores, held_out = (
            {column: vars(each) for column, each in of_columns.items()}
            for of_columns in (self.scores, self.held_out)
        )
        return {**vars(self), "scores": scores, "held_out": held_out}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Step:
        """The step that `as_state` wrote, in this release or in an earlier one."""
        earlier_names = {"shown": "columns", "fresh": "scores"}
        values = {earlier_names.get(name, name): value for name, value in state.items()}
        for name in ("scores", "held_out"):
            of_columns = values.get(name, {})
            values[name] = {column: ColumnScores(**each) for column, each in of_columns.items()}
        for name in ("columns", "map_grid"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return cls(**values)


@dataclass(eq=False)
class Progress:
    """All that a cell has produced up to its last finished experience, and the method's state.

    Attributes:
        steps: one step per finished experience.
        method_state: state of the method after the last one.
        salt: the key of the image ids that the method gets; None before the run begins.
    """

    steps: list[Step] = field(default_factory=list)
    method_state: Any = None
    salt: bytes | None = None

    @property
    def experience(self) -> int:
        """The number of the last finished experience; 0 before the first."""
        return len(self.steps)

    @property
    def map_grid(self) -> tuple[int, int] | None:
        """(h, w) of the anomaly maps; None before the method's first map."""
        return self.steps[-1].map_grid if self.steps else None

    @property
    def rows(self) -> list[dict[str, ColumnScores]]:
        """Scores by column after each experience; unchanged ones are carried over."""
        return self._carried_over(lambda step: step.scores)

    @property
    def maps(self) -> list[dict[str, np.ndarray]]:
        """Maps by column after each experience, as far as they were kept."""
        return self._carried_over(lambda step: step.maps)

    @property
    def pixels(self) -> list[dict[str, dict[str, float]]]:
        """Pixel metrics by column after each experience, as far as they are defined."""
        return self._carried_over(lambda step: step.pixels)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Rows of the events table."""
        return [event for step in self.steps for event in step.events]

    @property
    def memory(self) -> list[dict[str, Any]]:
        """Rows of the memory table."""
        return [row for step in self.steps for row in step.memory]

    @property
    def observe_seconds(self) -> float:
        """Duration of all calls of `Method.observe`."""
        return sum(step.observe_seconds for step in self.steps)

    @property
    def score_seconds(self) -> float:
        """Duration of all scoring."""
        return sum(step.score_seconds for step in self.steps)

    def _carried_over(self, of: Callable[[Step], Mapping[str, T]]) -> list[dict[str, T]]:
        rows: list[dict[str, T]] = []
        latest: dict[str, T] = {}
        for step in self.steps:
            latest = {**latest, **of(step)}
            rows.append({c: latest[c] for c in step.columns if c in latest})
        return rows
