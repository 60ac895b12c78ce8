"""The worst- and best-scored test images of one category with anomaly maps and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..drawing.figure import FinishedFigure
from ..drawing.labels import wrapped
from ..drawing.style import LINE, SMALL, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS, _OUTLINE = "inferno", "#3CFF78"
"""Colors of maps and masks; those of the report."""


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
    """Draw two blocks of image and map, one example per row; all maps share one scale.

    Both have the outline of the mask, as in the report.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values = np.concatenate([example.map.ravel() for example in (*worst, *best)])
    low, high = np.quantile(values.astype(np.float32), [0.01, 0.999]).tolist()
    norm = Normalize(low, high, clip=True)
    side = (width - 0.3) / 4
    rows = max(len(worst), len(best))
    lines = max(_label(example, 2 * side).count("\n") + 1 for example in (*worst, *best))
    figure = canvas(width, 0.8 + rows * (side + lines * LINE + 0.1))
    figure.set_layout_engine("compressed")
    grid = figure.subplots(rows, 4, squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for block, (name, examples) in enumerate((("worst", worst), ("best", best))):
        for row, example in enumerate(examples):
            image, anomaly = grid[row, 2 * block : 2 * block + 2]
            label = _label(example, 2 * side)
            image.set_title(label, fontsize=SMALL, loc="left")
            if row == 0:
                above = 72 * LINE * (label.count("\n") + 1) + 3
                for axes, heading in ((image, f"{name}: image"), (anomaly, "anomaly map")):
                    axes.annotate(
                        heading,
                        (0, 1),
                        xytext=(0, above),
                        xycoords="axes fraction",
                        textcoords="offset points",
                        va="bottom",
                        fontsize=SMALL,
                    )
            image.imshow(example.image)
            anomaly.imshow(example.map, norm=norm, cmap=_COLORS)
            if example.mask is not None and example.mask.any():
                for axes in (image, anomaly):
                    axes.contour(example.mask, [0.5], colors=[_OUTLINE], linewidths=0.8)
    scale = ScalarMappable(norm, _COLORS)
    figure.colorbar(
        scale, ax=grid, location="bottom", aspect=width / 0.07, pad=0.01, label="anomaly map"
    )
    _trim(figure)
    return FinishedFigure(figure, caption)


def _trim(figure: Figure) -> None:
    """Remove the empty height that square images leave."""
    figure.draw_without_rendering()
    used = figure.get_tightbbox()
    figure.set_size_inches(figure.get_size_inches()[0], used.height + 0.06)


def _label(example: Example, limit: float) -> str:
    missing = ", no mask" * (example.mask is None)
    return wrapped(f"{example.defect}, {example.score:.4g}{missing}", limit)
