"""The worst and best test images of a run as thumbnails with their anomaly maps."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...results.analysis.comparison import final_row
from ...results.analysis.quantities import quantity
from ...results.leaderboard.boards import Board
from ...results.records.record import Record
from ...results.rendering.table import Spread
from ...results.report.gallery import Gallery, Sample
from ..data.drift.manifest import as_recorded
from ..data.manifest import Item, Manifest
from .image import Shown, final_scores, show

if TYPE_CHECKING:
    import pandas as pd

_CATEGORIES = 3
"""Of a run: those with the lowest AUROC, which have most to show."""
_IMAGES = 4
"""Of each kind in a category."""
_PIXELS = 112
"""Side of a thumbnail."""
_OUTLINE = (60, 255, 120)


def galleries(boards: Sequence[Board], manifest: Manifest) -> tuple[list[Gallery], list[str]]:
    """Galleries of each board's best run, and a line for each board that has none.

    Images are found by their content, so the dataset may have moved or have more categories.
    """
    found: list[Gallery] = []
    missing = []
    for board in boards:
        record = _best_with_maps(board)
        if record is None:
            missing.append(f"no run of {board.title} kept its maps")
            continue
        data = as_recorded(manifest, record.cell)
        items = {(item.column, item.content): item for item in data.items if item.split == "test"}
        scores = final_scores(record)
        auroc = final_row(record)
        whole = [c for c in auroc if _is_known(scores, c, items) and not math.isnan(auroc[c])]
        if not whole:
            missing.append(f"the dataset {manifest.name} does not hold those of {board.title}")
            continue
        for category in sorted(whole, key=auroc.__getitem__)[:_CATEGORIES]:
            of_category = scores[scores["category"] == category]
            samples = _samples(record, of_category, manifest, items)
            found.append(Gallery(record.key, category, auroc[category], samples))
    return found, missing


def _best_with_maps(board: Board) -> Record | None:
    """The first run with maps of the row that has the highest AUROC among those with any."""
    acc = quantity("acc")
    rated: list[tuple[float, Record]] = []
    for row, readings in zip(board.comparison.rows, board.comparison.readings, strict=True):
        mapped = [record for record in row.records if record.maps() is not None]
        mean = Spread.of(acc.read(reading) for reading in readings).mean
        if mapped and not math.isnan(mean):
            rated.append((mean, mapped[0]))
    return max(rated, key=lambda pair: pair[0])[1] if rated else None


def _is_known(scores: pd.DataFrame, category: str, items: Mapping[tuple[str, str], Item]) -> bool:
    images = scores.loc[scores["category"] == category, "image"]
    return len(images) > 0 and all((category, image) in items for image in images)


def _samples(
    record: Record,
    scores: pd.DataFrame,
    manifest: Manifest,
    items: Mapping[tuple[str, str], Item],
) -> tuple[Sample, ...]:
    """The worst images of one category, then the best defective ones that are not among them."""
    wrong = wrong_share(scores["score"].to_numpy(), scores["label"].to_numpy())
    # Of equally wrong images, those come first that stand farthest on the wrong side.
    extreme = np.where(scores["label"] == 1, -1.0, 1.0) * scores["score"]
    ranked = scores.assign(wrong=wrong, extreme=extreme).drop_duplicates("image")
    ranked = ranked.sort_values(["wrong", "extreme"], ascending=False, kind="stable")
    worst = ranked[ranked["wrong"] > 0].head(_IMAGES)
    others = ranked[(ranked["label"] == 1) & ~ranked["image"].isin(worst["image"])]
    kinds: dict[Literal["worst", "best"], pd.DataFrame]
    kinds = {"worst": worst, "best": others.tail(_IMAGES)[::-1]}
    low, high = _brightness(record, scores)
    made = []
    for kind, chosen in kinds.items():
        for row in chosen.to_dict("records"):
            item = items[row["category"], row["image"]]
            shown = show(record, item, row["place"], manifest.root)
            image, drawn = _thumbnails(shown, low, high)
            facts = {name: row[name] for name in ("label", "defect", "score", "wrong")}
            made.append(Sample(kind=kind, image=image, map=drawn, **facts))
    return tuple(made)


def wrong_share(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,): the share of the images of the other label that each score is on the wrong side of.

    A tie counts half, so that the mean over either label is 1 - AUROC.
    """
    difference = scores[:, None] - scores[None, :]
    above = (difference > 0) + 0.5 * (difference == 0)
    other = labels[:, None] != labels[None, :]
    wrong = np.where(labels[:, None] == 1, 1 - above, above) * other
    return wrong.sum(axis=1) / np.maximum(other.sum(axis=1), 1)


def _brightness(record: Record, scores: pd.DataFrame) -> tuple[float, float]:
    """The map values that are drawn darkest and brightest: one scale for a category."""
    maps = record.maps()
    assert maps is not None
    values = np.asarray(maps[scores["place"].to_numpy()], dtype=np.float32)
    low, high = np.quantile(values, [0.01, 0.999])
    return float(low), float(high)


def _thumbnails(shown: Shown, low: float, high: float) -> tuple[bytes, bytes]:
    """(image, map) as JPEG, each with the outline of the mask where there is one."""
    from matplotlib import colormaps

    share = np.clip((shown.map - low) / max(high - low, 1e-12), 0, 1)
    drawn = (colormaps["inferno"](share)[..., :3] * 255).astype(np.uint8)
    return _jpeg(shown.image, shown.mask), _jpeg(drawn, shown.mask)


def _jpeg(pixels: np.ndarray, mask: np.ndarray | None) -> bytes:
    """pixels (H, W, 3) uint8, mask (H, W) bool -> a thumbnail with the outline drawn after it."""
    from PIL import Image
    from scipy.ndimage import binary_erosion

    small = Image.fromarray(pixels).resize((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
    if mask is not None and mask.any():
        shape = Image.fromarray(mask.astype(np.uint8) * 255)
        inside = np.asarray(shape.resize((_PIXELS, _PIXELS), Image.Resampling.BOX)) > 0
        outlined = np.array(small)
        outlined[inside & ~binary_erosion(inside)] = _OUTLINE
        small = Image.fromarray(outlined)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80, subsampling=0)
    return buffer.getvalue()
