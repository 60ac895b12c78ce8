"""Thumbnails of the worst and best test images of a run, with anomaly maps, for the report."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...results.analysis.comparison import final_row
from ...results.analysis.quantities import quantity
from ...results.leaderboard.boards import Board
from ...results.records.record import Record
from ...results.rendering.table import Spread
from ...results.report.gallery import Gallery, Sample
from ..data.drifted_manifest import add_recorded_domains
from ..data.item import Item
from ..data.manifest import Manifest
from ..data.roots import Root
from .heat_colors import heat_colors, heat_range
from .image import final_scores, load_recorded_image

if TYPE_CHECKING:
    import pandas as pd

_CATEGORIES = 3
"""Categories per run: those with the lowest AUROC."""
_IMAGES = 4
"""Worst images per category, and best ones."""
_OTHERS = 5
"""Other rows whose maps of the same images are added, the best ones."""
_PIXELS = 160
"""Side of a thumbnail in pixels; the page shows it smaller, and enlarges it on a click."""
_OUTLINE = (60, 255, 120)


def make_galleries(boards: Sequence[Board], manifest: Manifest) -> tuple[list[Gallery], list[str]]:
    """Make galleries of the best run of each board.

    Args:
        boards: the boards of the report.
        manifest: the dataset. Images are found by content, so it may have moved or have more
            categories.

    Returns:
        The galleries, and one line per board that has none with the reason.
    """
    galleries: list[Gallery] = []
    missing = []
    for board in boards:
        mapped_records = _best_with_maps(board)
        if not mapped_records:
            missing.append(f"no run of {board.title} kept its maps")
            continue
        record, *others = mapped_records
        data = add_recorded_domains(manifest, record.cell)
        items = {(item.column, item.content): item for item in data.items if item.split == "test"}
        scores = final_scores(record)
        auroc = final_row(record)
        usable = [c for c in auroc if _has_all(items, scores, c) and not math.isnan(auroc[c])]
        if not usable:
            missing.append(f"the dataset {manifest.name} does not have the images of {board.title}")
            continue
        for category in sorted(usable, key=auroc.__getitem__)[:_CATEGORIES]:
            with_images = [r for r in others if _has_all(items, final_scores(r), category)]
            mapped, *rest = (_Mapped.of(r, category) for r in (record, *with_images[:_OTHERS]))
            samples = _samples(mapped, rest, manifest, items)
            galleries.append(Gallery(record.key, category, auroc[category], samples))
    return galleries, missing


def _best_with_maps(board: Board) -> list[Record]:
    """The first run with maps of each row that has one, the row with the highest AUROC first."""
    acc = quantity("acc")
    rated: list[tuple[float, Record]] = []
    for row, readings in zip(board.comparison.rows, board.comparison.readings, strict=True):
        mapped = [record for record in row.records if record.maps() is not None]
        mean = Spread.of(acc.read(reading) for reading in readings).mean
        if mapped and not math.isnan(mean):
            rated.append((mean, mapped[0]))
    return [record for _, record in sorted(rated, key=lambda pair: -pair[0])]


def _has_all(items: Mapping[tuple[str, str], Item], scores: pd.DataFrame, category: str) -> bool:
    """Whether the dataset has all test images of a category."""
    images = scores.loc[scores["category"] == category, "image"]
    return len(images) > 0 and all((category, image) in items for image in images)


def _samples(
    mapped: _Mapped,
    others: Sequence[_Mapped],
    manifest: Manifest,
    items: Mapping[tuple[str, str], Item],
) -> tuple[Sample, ...]:
    """The worst images of one category, then the best defective ones among the others.

    Args:
        mapped: the run that chooses the images.
        others: other runs, whose maps of these images are added.
        manifest: the dataset.
        items: the test images by column and content.
    """
    scores = mapped.scores
    wrong = wrong_share(scores["score"].to_numpy(), scores["label"].to_numpy())
    # Ties are broken by the score: the most extreme score on the wrong side first.
    extreme = np.where(scores["label"] == 1, -1.0, 1.0) * scores["score"]
    ranked = scores.assign(wrong=wrong, extreme=extreme).drop_duplicates("image")
    ranked = ranked.sort_values(["wrong", "extreme"], ascending=False, kind="stable")
    worst = ranked[ranked["wrong"] > 0].head(_IMAGES)
    found = ranked[(ranked["label"] == 1) & ~ranked["image"].isin(worst["image"])]
    kinds: dict[Literal["worst", "best"], pd.DataFrame]
    kinds = {"worst": worst, "best": found.tail(_IMAGES)[::-1]}
    samples = []
    for kind, chosen in kinds.items():
        for row in chosen.to_dict("records"):
            item = items[row["category"], row["image"]]
            _, image, heat_map = mapped.thumbnails(item, manifest.root)
            theirs = {each.record.key: each.thumbnails(item, manifest.root) for each in others}
            facts = {name: row[name] for name in ("label", "defect", "score", "wrong")}
            facts["others"] = {key: (score, jpeg) for key, (score, _, jpeg) in theirs.items()}
            samples.append(Sample(kind=kind, image=image, map=heat_map, **facts))
    return tuple(samples)


@dataclass(frozen=True, eq=False)
class _Mapped:
    """A run with maps: its scores of a category, and the range of the colors of its maps."""

    record: Record
    scores: pd.DataFrame
    colors: tuple[float, float]

    @classmethod
    def of(cls, record: Record, category: str) -> _Mapped:
        scores = final_scores(record)
        scores = scores[scores["category"] == category]
        maps = record.maps()
        assert maps is not None
        return cls(record, scores, heat_range(maps[scores["map_row"].to_numpy()]))

    def thumbnails(self, item: Item, root: Root) -> tuple[float, bytes, bytes]:
        """The score of an image, and as JPEG files the image and its map, with the outline of the
        mask if there is one.
        """
        row = self.scores[self.scores["image"] == item.content].iloc[0]
        loaded = load_recorded_image(self.record, item, int(row["map_row"]), root)
        colored, _ = heat_colors(loaded.map, *self.colors)
        image, heat_map = _jpeg(loaded.image, loaded.mask), _jpeg(colored, loaded.mask)
        return float(row["score"]), image, heat_map


def wrong_share(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of the images of the other label against which each score is ordered wrongly.

    Args:
        scores: (N,) anomaly scores.
        labels: (N,), 1 for defective images.

    Returns:
        (N,) shares. A tie counts half, so that the mean over either label is 1 - AUROC.
    """
    difference = scores[:, None] - scores[None, :]
    above = (difference > 0) + 0.5 * (difference == 0)
    other = labels[:, None] != labels[None, :]
    wrong = np.where(labels[:, None] == 1, 1 - above, above) * other
    return wrong.sum(axis=1) / np.maximum(other.sum(axis=1), 1)


def _jpeg(pixels: np.ndarray, mask: np.ndarray | None) -> bytes:
    """Make a thumbnail, and draw the outline of the mask at its size.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H, W) bool, or None for no outline.
    """
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
