"""What each departure of UCAD's released code adds to AUROC, from the scores of every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...results.metrics.image.auroc import auroc


@dataclass(frozen=True)
class ScoredCategory:
    """The test images of a category, scored with the prompts and knowledge of every epoch.

    Attributes:
        task: the task of the category.
        labels: (B,) 1 for defective images.
        routes: (B,) the task that each image is routed to alone.
        common_route: the task that all its test images are routed to together.
        scores: (T, E, B) image scores with each task after each epoch; NaN where nothing needs
            them. All are needed of `task` and `common_route`, and of `routes` for their images.
    """

    task: int
    labels: np.ndarray
    routes: np.ndarray
    common_route: int
    scores: np.ndarray

    def routed(self, epochs: np.ndarray) -> np.ndarray:
        """Scores (B,) of the images with the tasks they are routed to, each after one epoch.

        Args:
            epochs: (T,) the epoch of each task.
        """
        images = np.arange(len(self.labels))
        found: np.ndarray = self.scores[self.routes, epochs[self.routes], images]
        return found

    def auroc(self, scores: np.ndarray) -> float:
        """AUROC of scores (B,)."""
        return auroc(scores, self.labels)

    def best_epoch(self) -> int:
        """The epoch of the category's own task with the highest AUROC on its test images."""
        return int(np.argmax([self.auroc(scores) for scores in self.scores[self.task]]))


def departures(categories: Sequence[ScoredCategory]) -> dict[str, list[float]]:
    """Return the AUROC of each category for the method as meant and for each departure.

    Args:
        categories: one per task, in the order of the tasks.

    Returns:
        Name -> AUROC per category. `honest` uses no test data; each of the others changes one thing
        of it, and `all` changes everything, as the released code does.
    """
    tasks, epochs, _ = categories[0].scores.shape
    last = np.full(tasks, epochs - 1)
    best = last.copy()
    for category in categories:
        best[category.task] = category.best_epoch()

    def averaged(category: ScoredCategory) -> np.ndarray:
        each = [category.routed(np.full(tasks, epoch)) for epoch in range(epochs)]
        return np.mean([_to_unit_range(scores) for scores in each], axis=0)

    variants: dict[str, Callable[[ScoredCategory], float]] = {
        "honest": lambda c: c.auroc(c.routed(last)),
        "routing by category": lambda c: c.auroc(c.scores[c.common_route, -1]),
        "tested right after training": lambda c: c.auroc(c.scores[c.task, -1]),
        "best epoch on test data": lambda c: c.auroc(c.routed(best)),
        "averaged over epochs": lambda c: c.auroc(averaged(c)),
        "all": _published,
    }
    return {name: [value(each) for each in categories] for name, value in variants.items()}


def _published(category: ScoredCategory) -> float:
    """Highest AUROC over epochs of the category's own scores, averaged up to each epoch."""
    scaled = np.stack([_to_unit_range(scores) for scores in category.scores[category.task]])
    means = scaled.cumsum(axis=0) / np.arange(1, len(scaled) + 1)[:, None]
    return max(category.auroc(scores) for scores in means)


def _to_unit_range(scores: np.ndarray) -> np.ndarray:
    """Scale scores (B,) by their lowest and highest value."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)
