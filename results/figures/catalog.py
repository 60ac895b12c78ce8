"""Every figure by name, and where it is drawn; nothing is imported before it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .drawing.figure import Drawn
    from .selection import Source

EXAMPLES = "examples"
"""The one figure that needs the dataset, see cadbench.results.figures.kinds.examples."""

FIGURES: Mapping[str, tuple[str, str]] = {
    "category-experts": ("category_experts", "heat map: each category by the number of experts"),
    "experts": ("experts", "metric and forgetting against the number of experts"),
    "categories": ("categories", "each category of one run, grouped by expert"),
    "expert-forgetting": ("expert_forgetting", "forgetting of each expert along the stream"),
    "expert-memory": ("expert_memory", "memory utilization of each expert"),
    "matrix": ("matrix", "each category after each experience of one run"),
    "similarity": ("similarity", "categories to each other, with the assignment drawn in"),
    "assignment": ("assignment", "categories to experts when they came, and the chosen one"),
    "curves": ("curves", "all methods along the stream, with intervals"),
    "tradeoff": ("tradeoff", "metric against stored MB, with the Pareto front"),
    "ranks": ("ranks", "critical difference diagram"),
    EXAMPLES: ("examples", "worst and best test images with maps and masks"),
}
"""name -> (module, one line)."""


def draw(name: str, source: Source, width: float) -> Drawn:
    """The figure `name` (any but EXAMPLES), to be drawn and saved within `style.styled()`.

    `NothingToDraw` or another `UsageError` where the records do not allow it.
    """
    module = importlib.import_module(f".kinds.{FIGURES[name][0]}", __package__)
    drawn = cast("Callable[[Source, float], Drawn]", module.draw)
    return drawn(source, width)
