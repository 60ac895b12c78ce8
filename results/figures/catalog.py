"""All figures by name; a figure's module is imported only when it is drawn."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .drawing.figure import FinishedFigure
    from .selection import Selection

EXAMPLES = "examples"
"""The only figure that needs the dataset; see `kinds.examples`."""

ACROSS_SHARES = "robustness"
"""The only figure of rows with different `--contaminate`."""

COSTS = (
    *("stored_mb", "update_seconds", "ms_per_image", "update_joules", "parameters_trained"),
    *("parameters_stored", "network_mb", "other_mb", "process_mb", "gpu_mb"),
)
"""What `tradeoff` can draw a metric against: quantities of which less is better."""

FIGURES: Mapping[str, tuple[str, str]] = {
    "category-experts": (
        "of_experts.category_experts",
        "heat map: each category by the number of experts",
    ),
    "experts": ("of_experts.experts", "metric and forgetting against the number of experts"),
    "categories": ("categories", "each category of one run, grouped by expert"),
    "expert-forgetting": (
        "of_experts.expert_forgetting",
        "forgetting of each expert along the stream",
    ),
    "expert-memory": ("of_experts.expert_memory", "memory utilization of each expert"),
    "matrix": ("matrix", "each category after each experience of one run"),
    "similarity": (
        "of_experts.similarity",
        "categories to each other, with the assignment drawn in",
    ),
    "assignment": (
        "of_experts.assignment",
        "categories to experts when they came, and the chosen one",
    ),
    "routing": ("of_experts.routing", "experts that the test images of each category were sent to"),
    "curves": ("curves", "all methods along the stream, with intervals"),
    "thresholds": ("thresholds", "false alarms and recall at thresholds set when learned"),
    "tradeoff": ("tradeoff", "metric against stored MB or another --cost, with the Pareto front"),
    ACROSS_SHARES: (
        "robustness",
        "metric against the share of defective training images (--contaminate)",
    ),
    "stability": ("stability", "metric of every run, by order and seed"),
    "defects": ("defects", "AUROC of each kind of defect, of all methods"),
    "training": ("training", "numbers that a method recorded, such as losses, per experience"),
    "ranks": ("ranks", "critical difference diagram"),
    EXAMPLES: ("examples", "worst and best test images with maps and masks"),
}
"""name -> (module, one-line description)."""


def draw(name: str, selection: Selection, width: float) -> FinishedFigure:
    """Draw the figure `name` (any except EXAMPLES); call and save it inside `style.styled()`.

    Args:
        name: a key of FIGURES.
        selection: the selected rows and runs.
        width: width in inches.

    Raises:
        NothingToDraw: the records lack what the figure needs.
        UsageError: the records do not allow the figure.
    """
    module = importlib.import_module(f".kinds.{FIGURES[name][0]}", __package__)
    drawn = cast("Callable[[Selection, float], FinishedFigure]", module.draw)
    return drawn(selection, width)
