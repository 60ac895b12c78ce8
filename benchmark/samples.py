"""The worst and best test images of a run as thumbnails with their anomaly maps."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.data.decoding import decode, decode_mask
from benchmark.data.manifest import Item, Manifest, verify_unchanged
from benchmark.data.preprocessing import Preprocessing
from benchmark.pixels.maps import MapSpec, full_maps
from results.comparison import final_row
from results.leaderboard import Board
from results.quantities import quantity
from results.record import Record
from results.report.gallery import Gallery, Sample
from results.table import Spread

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

    Images are found by their content, so the data set may have moved or have more categories.
    """
    items = {(item.category, item.content): item for item in manifest.items if item.split == "test"}
    found: list[Gallery] = []
    missing = []
    for board in boards:
        record = _best_with_maps(board)
        if record is None:
            missing.append(f"no run of {board.title} kept its maps")
            continue
        scores = _final_scores(record)
        auroc = final_row(record)
        whole = [c for c in auroc if _is_known(scores, c, items) and not math.isnan(auroc[c])]
        if not whole:
            missing.append(f"the data set {manifest.name} does not hold those of {board.title}")
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


def _final_scores(record: Record) -> pd.DataFrame:
    """The scores after the last experience, `place` being the row of each in maps.npy."""
    scores = record.scores
    final = scores["experience"] == scores["experience"].max()
    kept = scores if record.run["maps"] == "all" else scores[final]
    kept = kept.assign(place=np.arange(len(kept)))
    return kept[kept["experience"] == scores["experience"].max()]


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
    view = _view(record, scores)
    made = []
    for kind, chosen in kinds.items():
        for row in chosen.to_dict("records"):
            item = items[row["category"], row["image"]]
            image, drawn = view.thumbnails(manifest, item, row["place"])
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


@dataclass(frozen=True)
class _View:
    """How the images and maps of one category are drawn: one scale of brightness for all."""

    maps: np.ndarray
    spec: MapSpec
    preprocessing: Preprocessing
    low: float
    high: float

    def thumbnails(self, manifest: Manifest, item: Item, place: int) -> tuple[bytes, bytes]:
        """(image, map) as JPEG, each with the outline of the mask where there is one."""
        import torch
        from matplotlib import colormaps

        decoded = decode(manifest.root / item.path)
        verify_unchanged(item, decoded)
        pixels = self.preprocessing.apply(decoded).transpose(1, 2, 0)
        patches = torch.from_numpy(np.array(self.maps[place : place + 1], dtype=np.float32))
        full = full_maps(patches, self.preprocessing.crop, self.spec)[0].numpy()
        share = np.clip((full - self.low) / max(self.high - self.low, 1e-12), 0, 1)
        drawn = (colormaps["inferno"](share)[..., :3] * 255).astype(np.uint8)
        mask = None
        if item.mask_path is not None:
            whole = decode_mask(manifest.root / item.mask_path)
            mask = self.preprocessing.apply_labels(whole) > 0
        return _jpeg(pixels, mask), _jpeg(drawn, mask)


def _view(record: Record, scores: pd.DataFrame) -> _View:
    maps = record.maps()
    assert maps is not None
    values = np.asarray(maps[scores["place"].to_numpy()], dtype=np.float32)
    low, high = np.quantile(values, [0.01, 0.999])
    cell = record.cell
    preprocessing = Preprocessing(**cell["preprocessing"])
    return _View(maps, MapSpec(**cell["maps"]), preprocessing, float(low), float(high))


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
