"""The worst- and best-scored test images of one category with anomaly maps and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..drawing.figure import FinishedFigure
from ..drawing.labels import wrapped
from ..drawing.style import HEAT, LINE, SMALL, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Example:
    """One test image as the backbone received it.

    Attributes:
        image: (S, S, 3) uint8.
        anomaly map: (S, S) float.
        mask: (S, S) bool; None if the dataset has none.
        defect: kind of defect, `good` for good images.
    """

    image: NDArray[np.uint8]
    map: NDArray[np.floating]
    mask: NDArray[np.bool_] | None
    defect: str
    score: float


def choose(
    scores: NDArray[np.floating], labels: NDArray[np.integer], each: int = 2
) -> tuple[list[int], list[int]]:
    """Choose the worst and the best scored images.

    Args:
        scores: (N,) image scores.
        labels: (N,) 1 for defective images.
        each: number of defective and of good images in each group.

    Returns:
        (worst, best): indices. The worst are defective images with the lowest scores and good
        images with the highest; the best are the opposite. No image is in both.
    """
    order = np.argsort(scores, kind="stable")
    defective, good = order[labels[order] == 1], order[labels[order] == 0][::-1]
    worst, best = [], []
    for group in (defective, good):
        from_worst = group[: min(each, -(-len(group) // 2))]
        worst += from_worst.tolist()
        best += group[::-1][: min(each, len(group) - len(from_worst))].tolist()
    return worst, best


def draw_examples(
    worst: Sequence[Example], best: Sequence[Example], width: float, caption: str
) -> FinishedFigure:
    """Draw two blocks of image, map and mask, one example per row; all maps share one scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    maps = [example.map for example in (*worst, *best)]
    norm = Normalize(min(float(m.min()) for m in maps), max(float(m.max()) for m in maps))
    side = (width - 0.3) / 6
    rows = max(len(worst), len(best))
    lines = max(_label(example, 3 * side).count("\n") + 1 for example in (*worst, *best))
    figure = canvas(width, 0.8 + rows * (side + lines * LINE + 0.1))
    figure.set_layout_engine("compressed")
    grid = figure.subplots(rows, 6, squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for block, (name, examples) in enumerate((("worst", worst), ("best", best))):
        for row, example in enumerate(examples):
            image, anomaly, mask = grid[row, 3 * block : 3 * block + 3]
            heading = f"{name}\n" if row == 0 else ""
            anomaly.set_title(heading + _label(example, 3 * side), fontsize=SMALL)
            image.imshow(example.image)
            anomaly.imshow(example.map, norm=norm, cmap=HEAT)
            _draw_mask(mask, example.mask)
    scale = ScalarMappable(norm, HEAT)
    figure.colorbar(
        scale, ax=grid, location="bottom", aspect=width / 0.07, pad=0.01, label="anomaly map"
    )
    _trim(figure)
    return FinishedFigure(figure, caption)


def _draw_mask(axes: Axes, mask: NDArray[np.bool_] | None) -> None:
    if mask is None:
        axes.set_box_aspect(1)
        axes.text(0.5, 0.5, "no mask", ha="center", va="center", fontsize=SMALL)
        return
    axes.imshow(mask, cmap="gray", vmin=0, vmax=1)


def _trim(figure: Figure) -> None:
    """Remove the empty height that square images leave."""
    figure.draw_without_rendering()
    used = figure.get_tightbbox()
    figure.set_size_inches(figure.get_size_inches()[0], used.height + 0.06)


def _label(example: Example, limit: float) -> str:
    return wrapped(f"{example.defect}, {example.score:.4g}", limit)
