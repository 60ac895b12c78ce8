"""The critical difference diagram: mean ranks on a line; bars join rows that do not differ."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import UsageError
from ...statistics.friedman import Ranking
from .style import SMALL, save, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".pdf", ".png", ".svg")
WIDTH = 3.5
"""Width of one column of a two-column page, in inches."""

_LINE = 0.15  # inches: from one line of text to the next
_HEAD = 0.5  # inches above the line, for its numbers and the critical difference
_PAD = 0.05  # inches at the sides
_GAP = 0.03  # inches between a label and its line
_ENOUGH = 1.2  # inches: the length at which ranks can be told apart


def check_place(path: Path) -> None:
    """Raise UsageError if no diagram can be written to `path`."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--diagram {path}: the name must end in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise UsageError(f"--diagram {path} is a folder; name a file")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--diagram {path}: {folder} is no folder that can be written to")


def save_diagram(path: Path, labels: Sequence[str], ranking: Ranking, alpha: float) -> None:
    """Draw the diagram one column wide and write it to `path`.

    Args:
        path: the file; its ending chooses the format.
        labels: (K,) names of the rows.
        ranking: mean ranks and tests.
        alpha: significance level.
    """
    with styled():
        save(draw_diagram(labels, ranking, alpha), path, f"Mean ranks, level {alpha:g}")


def draw_diagram(
    labels: Sequence[str], ranking: Ranking, alpha: float, width: float = WIDTH
) -> Figure:
    """Draw the diagram with labels on both sides of the line, or on the left if space is short."""
    best: tuple[float, Figure] | None = None
    for left_only, characters in ((False, 80), (True, 80), (True, 30), (True, 20)):
        wrapped = ["\n".join(textwrap.wrap(label, characters)) for label in labels]
        figure, length = _attempt(wrapped, ranking, alpha, left_only, width)
        if best is None or length > best[0]:
            best = length, figure
        if length >= _ENOUGH:
            break
    assert best is not None
    return best[1]


def _attempt(
    labels: Sequence[str], ranking: Ranking, alpha: float, left_only: bool, width: float
) -> tuple[Figure, float]:
    """Draw one layout; return the figure and the length that its line can have."""
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from scikit_posthocs import critical_difference_diagram

    figure = Figure(figsize=(width, width))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    ranks = pd.Series(ranking.mean_ranks, index=list(labels))
    drawn = critical_difference_diagram(
        ranks,
        pd.DataFrame(ranking.nemenyi, index=ranks.index, columns=ranks.index),
        alpha=alpha,
        ax=axes,
        left_only=left_only,
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
        text_h_margin=0.02 * (len(ranks) - 1),
        elbow_props={"color": "black", "linewidth": 0.6},
        marker_props={"color": "black", "s": 8},
        label_props={"fontsize": SMALL, "parse_math": False, "linespacing": 0.95},
    )
    axes.spines["top"].set_visible(True)  # the line of the ranks
    axes.set_xlim(1, len(ranks))
    axes.set_xticks(range(1, len(ranks) + 1))
    line = _LINE * max(label.count("\n") + 1 for label in labels)
    _draw_critical_difference(axes, ranking.critical_difference, line, alpha)
    for artist in (*axes.lines, *axes.collections):
        artist.set_clip_on(False)
    return figure, _fit(figure, axes, drawn["labels"], ranking.critical_difference, line)


def _draw_critical_difference(axes: Axes, distance: float, line: float, alpha: float) -> None:
    """Draw the critical difference as a ruler above rank 1; one unit of height is `line` inches."""
    style: dict[str, Any] = {"color": "black", "linewidth": 0.8}
    low, middle, high = (inches / line for inches in (0.24, 0.28, 0.32))
    axes.plot([1, 1 + distance], [middle, middle], **style)
    for end in (1, 1 + distance):
        axes.plot([end, end], [low, high], **style)
    axes.text(
        1,
        0.35 / line,
        f"CD = {distance:.2f} (level {alpha:g})",
        ha="left",
        va="bottom",
        fontsize=SMALL,
    )


def _fit(figure: Figure, axes: Axes, labels: Sequence[Any], distance: float, line: float) -> float:
    """Set the height of the figure, and make the line as long as the labels allow; return its
    length in inches.
    """
    from matplotlib.transforms import ScaledTranslation

    lowest = min(label.get_position()[1] for label in labels) - 0.6
    width = figure.get_size_inches()[0]
    height = _HEAD - lowest * line
    figure.set_size_inches(width, height)
    axes.set_ylim(lowest, 0)
    K = axes.get_xlim()[1]
    # (place on the line from 0 to 1, inches to its left, inches to its right) of all that is drawn
    extents = [(0.0, 0.05, 0.0), (1.0, 0.0, 0.05), (distance / (K - 1), 0.0, 0.0), (0.0, 0.0, 0.5)]
    for label in labels:
        place = (label.get_position()[0] - 1) / (K - 1)
        room = label.get_window_extent().width / figure.dpi + _GAP
        at_left = label.get_horizontalalignment() == "right"
        extents.append((place, room, 0.0) if at_left else (place, 0.0, room))
        apart = ScaledTranslation(-_GAP if at_left else _GAP, 0, figure.dpi_scale_trans)
        label.set_transform(label.get_transform() + apart)
    for length in np.arange(width, 0.1, -0.01):
        start = max(_PAD + left - length * place for place, left, _ in extents)
        end = min(width - _PAD - right - length * place for place, _, right in extents)
        if start <= end:
            break
    axes.set_position((start / width, 0, length / width, 1 - _HEAD / height))
    return float(length)
