"""Running a method on a mock stream, and comparing the predictions of two runs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..interface.context import Routing
from ..interface.method import Method
from ..interface.params import Params
from ..interface.prediction import MemoryReport, Prediction
from ..running.evaluation.batches import SaltedIds
from ..running.evaluation.result_checks import InvalidPrediction, validate_prediction
from .mock_stream import MockStream, Services

ROUNDING = 1e-4
"""Relative difference of scores that is allowed where only the order of sums may change."""


class Failed(Exception):
    """The method breaks a rule; the message says how."""


class Skipped(Exception):
    """A check does not apply; the message says why."""


@dataclass(frozen=True, eq=False)
class CategoryPredictions:
    """Predictions for the test images of one category.

    Attributes:
        scores: (n,).
        maps: (n, h, w), or None if the method makes none.
        routes: (n,), or None if the method does not route.
    """

    scores: np.ndarray
    maps: np.ndarray | None
    routes: np.ndarray | None


Predictions: TypeAlias = Mapping[str, CategoryPredictions]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of a run after one experience.

    Attributes:
        seen: categories that have appeared up to now.
        claimed: what `observe` returned.
        memory: what `memory` returned.
        events: what the method recorded during the experience.
        predictions: predictions for every category of the stream.
    """

    seen: tuple[str, ...]
    claimed: frozenset[str] | None
    memory: MemoryReport
    events: tuple[dict[str, Any], ...]
    predictions: Predictions


@dataclass(frozen=True, eq=False)
class Subject:
    """The method under test, its parameters and its stream."""

    kind: type[Method]
    params: Params
    stream: MockStream

    @property
    def routing(self) -> Routing:
        """The routing of most checks: `oracle` if the method supports it."""
        return "oracle" if "oracle" in self.kind.routings else self.kind.routings[0]

    def build(self, routing: Routing | None = None, services: Services | None = None) -> Method:
        """Create the method, by default with the usual routing and with unused services."""
        return self.stream.build(
            self.kind, self.params, routing=routing or self.routing, services=services
        )

    def run(
        self,
        schedule: str = "1x*",
        routing: Routing | None = None,
        services: Services | None = None,
    ) -> list[Snapshot]:
        """Run the whole stream, and predict after each experience as the evaluator does."""
        services = services or self.stream.services()
        return list(self.continue_run(self.build(routing, services), services, schedule))

    def continue_run(
        self, method: Method, services: Services, schedule: str = "1x*", *, start: int = 0
    ) -> Iterator[Snapshot]:
        """Let a method observe the experiences after the first `start`.

        Args:
            method: the method, which has observed the first `start` experiences.
            services: its services, whose events are read.
            schedule: sizes of the experiences.
            start: number of experiences to skip.

        Yields:
            The state after each experience.
        """
        seen: tuple[str, ...] = ()
        for index, experience in enumerate(
            self.stream.experiences(schedule, images=self.kind.uses_images)
        ):
            seen = tuple(dict.fromkeys((*seen, *experience.categories)))
            if index < start:
                continue
            recorded = len(services.events)
            claimed = method.observe(experience)
            if claimed is not None:
                check_claim(claimed, seen)
                claimed = frozenset(claimed)
            events = tuple(services.events[recorded:])
            yield Snapshot(seen, claimed, method.memory(), events, self.predict(method))

    def predict(
        self,
        method: Method,
        categories: Sequence[str] | None = None,
        *,
        size: int = 32,
        seed: int = 0,
    ) -> dict[str, CategoryPredictions]:
        """Predict the test images of some categories.

        Args:
            method: the method.
            categories: the categories; None for all.
            size: images per batch.
            seed: seed of the order of the images.
        """
        routing = method.context.routing
        rows: dict[str, dict[int, tuple[Any, ...]]] = {}
        crop, grid = self.stream.features.spec.preprocessing.crop, None
        for images, batch in self.stream.test_batches(
            categories, routing, images=self.kind.uses_images, size=size, seed=seed
        ):
            prediction = method.score(batch)
            try:
                grid = validate_prediction(prediction, len(batch), crop, grid)
            except InvalidPrediction as error:
                raise Failed(str(error)) from None
            values = _split(prediction)
            for (category, row), value in zip(images, values, strict=True):
                rows.setdefault(category, {})[row] = value
        return {category: _join(of_category) for category, of_category in rows.items()}

    def with_other_ids(self) -> Subject:
        """The same method on the same images, which get other ids, as in a second run."""
        stream = dataclasses.replace(self.stream, method_ids=SaltedIds())
        return Subject(self.kind, self.params, stream)

    @functools.cached_property
    def default_run(self) -> list[Snapshot]:
        """A run with one category per experience."""
        return self.run()


def check_claim(claimed: Any, seen: Sequence[str]) -> None:
    """Raise `Failed` unless `claimed` is a set of categories that have appeared."""
    if not isinstance(claimed, set | frozenset) or not all(isinstance(c, str) for c in claimed):
        raise Failed(f"observe returned {claimed!r}, not a set of categories or None")
    if strange := sorted(claimed - set(seen)):
        raise Failed(f"observe returned {', '.join(strange)}, which have not appeared yet")


def find_difference(one: Predictions, other: Predictions, *, rounding: float = 0.0) -> str | None:
    """Describe the first difference between two sets of predictions; None if they are equal.

    Args:
        one: predictions by category.
        other: predictions of the same categories.
        rounding: relative difference of scores and maps that is allowed. Routes are compared only
            if it is 0.
    """
    for category in one:
        for name in ("scores", "maps"):
            a, b = getattr(one[category], name), getattr(other[category], name)
            if (a is None) != (b is None):
                return f"only one run has {name} of {category}"
            if a is None:
                continue
            worst = float(np.abs(a - b).max())
            if worst > rounding * max(1e-9, float(np.abs(a).max()), float(np.abs(b).max())):
                return f"{name} of {category} differ by up to {worst:.3g}"
        a, b = one[category].routes, other[category].routes
        if not rounding and not ((a is None and b is None) or np.array_equal(a, b)):  # type: ignore[arg-type]
            return f"routes of {category} differ"
    return None


def check_equal(one: Sequence[Snapshot], other: Sequence[Snapshot], when: str) -> None:
    """Raise `Failed` unless two runs of the same experiences are equal in everything.

    Args:
        one: states of the first run.
        other: states of the second run.
        when: describes the second run, for the message.
    """
    for a, b in zip(one, other, strict=True):
        where = f"{when}, after {', '.join(a.seen)}"
        if found := find_difference(a.predictions, b.predictions):
            raise Failed(f"{found} ({where})")
        for name in ("claimed", "memory", "events"):
            if getattr(a, name) != getattr(b, name):
                what = {"claimed": "the result of observe", "memory": "memory()"}
                raise Failed(f"{what.get(name, 'the recorded events')} differs ({where})")


def _split(prediction: Prediction) -> list[tuple[Any, ...]]:
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


def _join(rows: Mapping[int, tuple[Any, ...]]) -> CategoryPredictions:
    scores, maps, routes = zip(*(rows[row] for row in sorted(rows)), strict=True)
    return CategoryPredictions(
        np.array(scores),
        None if any(one is None for one in maps) else np.stack(maps),
        None if any(one is None for one in routes) else np.array(routes),
    )
