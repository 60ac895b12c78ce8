"""Test images of one category with their anomaly maps and masks: the worst and the best scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..drawing.figure import Drawn
from ..drawing.labels import wrapped
from ..drawing.style import HEAT, LINE, SMALL, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Example:
    """One test image as the backbone saw it: image (S, S, 3) uint8, anomaly map (S, S) float.

    mask (S, S) bool, None where the dataset has none; defect: its kind, `good` for good images.
    """

    image: NDArray[np.uint8]
    map: NDArray[np.floating]
    mask: NDArray[np.bool_] | None
    defect: str
    score: float


def choose(
    scores: NDArray[np.floating], labels: NDArray[np.integer], each: int = 2
) -> tuple[list[int], list[int]]:
    """(worst, best): indices of `each` defective and as many good images of scores, labels (N,).

    The worst are the defective images with the lowest and the good ones with the highest scores,
    the best the other way round; no image is both.
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
) -> Drawn:
    """Two blocks of image, map and mask, an example a row, all maps on one scale."""
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
    return Drawn(figure, caption)


def _draw_mask(axes: Axes, mask: NDArray[np.bool_] | None) -> None:
    if mask is None:
        axes.set_box_aspect(1)
        axes.text(0.5, 0.5, "no mask", ha="center", va="center", fontsize=SMALL)
        return
    axes.imshow(mask, cmap="gray", vmin=0, vmax=1)


def _trim(figure: Figure) -> None:
    """Take away the height that square images leave empty."""
    figure.draw_without_rendering()
    used = figure.get_tightbbox()
    figure.set_size_inches(figure.get_size_inches()[0], used.height + 0.06)


def _label(example: Example, limit: float) -> str:
    return wrapped(f"{example.defect}, {example.score:.4g}", limit)
