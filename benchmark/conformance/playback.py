"""Running a method on a mock stream and comparing what it answered."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..interface.context import Routing
from ..interface.method import Method
from ..interface.params import Params
from ..interface.prediction import MemoryReport, Prediction
from ..running.evaluation.prediction_check import InvalidPrediction, validate_prediction
from .mock_stream import MockStream, Services

ROUNDING = 1e-4
"""What scores may differ by, relative to the largest, where only the order of sums may change."""


class Failed(Exception):
    """The method breaks a rule; the message says how."""


class Skipped(Exception):
    """A check does not apply; the message says why."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method said of a category's test images: scores (n,), maps (n, h, w), routes (n,)."""

    scores: np.ndarray
    maps: np.ndarray | None
    routes: np.ndarray | None


Answers: TypeAlias = Mapping[str, Answer]


@dataclass(frozen=True, eq=False)
class After:
    """How things stand after an experience: what was claimed, kept, recorded and answered.

    seen: categories shown up to now; answers: of every category of the stream.
    """

    seen: tuple[str, ...]
    claimed: frozenset[str] | None
    memory: MemoryReport
    events: tuple[dict[str, Any], ...]
    answers: Answers


@dataclass(frozen=True, eq=False)
class Subject:
    """A method under test, with the parameters and the stream it is tested on."""

    kind: type[Method]
    params: Params
    stream: MockStream

    @property
    def routing(self) -> Routing:
        """What most checks run under: `oracle`, unless the method says it has none."""
        return "oracle" if "oracle" in self.kind.routings else self.kind.routings[0]

    def build(self, routing: Routing | None = None, services: Services | None = None) -> Method:
        """The method in its first state."""
        return self.stream.build(
            self.kind, self.params, routing=routing or self.routing, services=services
        )

    def play(
        self,
        schedule: str = "1x*",
        routing: Routing | None = None,
        services: Services | None = None,
    ) -> list[After]:
        """A whole run, scored after each experience as the evaluator does it."""
        services = services or self.stream.services()
        return list(self.go_on(self.build(routing, services), services, schedule))

    def go_on(
        self, method: Method, services: Services, schedule: str = "1x*", *, start: int = 0
    ) -> Iterator[After]:
        """Show the method the experiences after the first `start`."""
        seen: tuple[str, ...] = ()
        for index, experience in enumerate(
            self.stream.experiences(schedule, images=self.kind.uses_images)
        ):
            seen = tuple(dict.fromkeys((*seen, *experience.categories)))
            if index < start:
                continue
            noted = len(services.events)
            claimed = method.observe(experience)
            if claimed is not None:
                refuse_claim(claimed, seen)
                claimed = frozenset(claimed)
            events = tuple(services.events[noted:])
            yield After(seen, claimed, method.memory(), events, self.answers(method))

    def answers(
        self,
        method: Method,
        categories: Sequence[str] | None = None,
        *,
        size: int = 32,
        seed: int = 0,
    ) -> dict[str, Answer]:
        """What the method says of the test images of these categories, or of all."""
        routing = method.context.routing
        found: dict[str, dict[int, tuple[Any, ...]]] = {}
        for places, batch in self.stream.test_batches(
            categories, routing, images=self.kind.uses_images, size=size, seed=seed
        ):
            prediction = method.score(batch)
            try:
                validate_prediction(prediction, len(batch), method.context.grid)
            except InvalidPrediction as error:
                raise Failed(f"score returned an invalid prediction: {error}") from None
            values = _rows(prediction)
            for (category, row), value in zip(places, values, strict=True):
                found.setdefault(category, {})[row] = value
        return {category: _answer(rows) for category, rows in found.items()}

    @functools.cached_property
    def plain(self) -> list[After]:
        """A run as most runs are: one category an experience."""
        return self.play()


def refuse_claim(claimed: Any, seen: Sequence[str]) -> None:
    """`Failed` unless `observe` returned a set of categories that were shown."""
    if not isinstance(claimed, set | frozenset) or not all(isinstance(c, str) for c in claimed):
        raise Failed(f"observe returned {claimed!r}, not a set of categories or None")
    if strange := sorted(claimed - set(seen)):
        raise Failed(f"observe claims {', '.join(strange)}, which it has not been shown")


def difference(one: Answers, other: Answers, *, rounding: float = 0.0) -> str | None:
    """Where two sets of answers differ by more than `rounding` (relative); None where nowhere."""
    for category in one:
        for name in ("scores", "maps"):
            a, b = getattr(one[category], name), getattr(other[category], name)
            if (a is None) != (b is None):
                return f"there are {name} of {category} in one run only"
            if a is None:
                continue
            worst = float(np.abs(a - b).max())
            if worst > rounding * max(1e-9, float(np.abs(a).max()), float(np.abs(b).max())):
                return f"{name} of {category} differ by up to {worst:.3g}"
        a, b = one[category].routes, other[category].routes
        if not rounding and not ((a is None and b is None) or np.array_equal(a, b)):  # type: ignore[arg-type]
            return f"routes of {category} differ"
    return None


def refuse_difference(one: Sequence[After], other: Sequence[After], when: str) -> None:
    """`Failed` where two runs of the same experiences are not the same in everything."""
    for a, b in zip(one, other, strict=True):
        where = f"{when}, after {', '.join(a.seen)}"
        if found := difference(a.answers, b.answers):
            raise Failed(f"{found} ({where})")
        for name in ("claimed", "memory", "events"):
            if getattr(a, name) != getattr(b, name):
                what = {"claimed": "what observe returns", "memory": "memory()"}
                raise Failed(f"{what.get(name, 'what it records')} differs ({where})")


def _rows(prediction: Prediction) -> list[tuple[Any, ...]]:
    scores = prediction.image_scores.detach().float().cpu().numpy()
    maps = None if prediction.maps is None else prediction.maps.detach().float().cpu().numpy()
    routes = None if prediction.route is None else prediction.route.cpu().numpy()
    return [
        (
            scores[index],
            None if maps is None else maps[index],
            None if routes is None else routes[index],
        )
        for index in range(len(scores))
    ]


def _answer(rows: Mapping[int, tuple[Any, ...]]) -> Answer:
    scores, maps, routes = zip(*(rows[row] for row in sorted(rows)), strict=True)
    return Answer(
        np.array(scores),
        None if any(one is None for one in maps) else np.stack(maps),
        None if any(one is None for one in routes) else np.array(routes),
    )
