"""Checks against the dataset: images and labels of the scores, pixel metrics of stored maps."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np

from ...results.metrics.registry import PIXEL_METRICS
from ...results.records.record import Record
from ..data.manifest import Manifest
from ..running.cell import Cell
from ..streams.stream import Stream
from ..system.reporting import Reporter
from .check import Check, skip

PIXEL_TOLERANCE = 1e-4
"""Allowed between a stored and a recomputed pixel metric: sums differ by machine."""

_COLUMNS = ("experience", "category", "image", "label", "defect")


def check_images(record: Record, stream: Stream, cell: Cell) -> Check:
    """Compare the rows of the scores table with the test images that the stream scores.

    Every test image of the columns seen so far has one row per experience, with the label and the
    defect of the dataset.
    """
    expected: Counter[tuple[int, str, str, int, str]] = Counter()
    for experience in stream.train_stream:
        t = experience.index
        for column in (*stream.seen(t), *stream.unseen(t, cell.unseen)):
            for item in stream.manifest.test(column):
                expected[t, column, item.content, item.label, item.defect] += 1
    scores = record.scores
    rows = zip(*(scores[name].tolist() for name in _COLUMNS), strict=True)
    stored: Counter[tuple[int, str, str, int, str]] = Counter(rows)
    differences = [
        *(f"{_row(row)} is missing" for row in (expected - stored).elements()),
        *(f"{_row(row)} is not in the dataset" for row in (stored - expected).elements()),
    ]
    return Check("images and labels", sum(expected.values()), tuple(differences))


def check_pixels(
    record: Record,
    cell: Cell,
    manifest: Manifest,
    columns: list[str],
    cache: Path,
    reporter: Reporter,
) -> Check:
    """Compute pixel metrics of the last experience again from the stored maps and the masks.

    Args:
        record: the record.
        cell: its cell.
        manifest: the images of its stream.
        columns: the columns of R to compute; those without pixel metrics are skipped.
        cache: the cache folder.
        reporter: receives progress and warnings.
    """
    import torch

    from ..pixels.metrics import pixel_metrics
    from ..pixels.truth import load_truths
    from ..recorded_images.image import final_scores

    name = "pixel metrics"
    maps = record.maps()
    if maps is None:
        return skip(name, "the record kept no maps")
    truths = load_truths(manifest, columns, cell.features.preprocessing, cache, reporter)
    if not truths:
        return skip(name, f"no masks for {', '.join(columns)}")
    metrics, last = record.metrics, len(record.experiences)
    scores = final_scores(record)
    stored = metrics[(metrics["t"] == last) & metrics["metric"].isin(PIXEL_METRICS)]
    differences, compared, largest = [], 0, 0.0
    for column, truth in truths.items():
        rows = scores[scores["category"] == column]
        order = dict(zip(rows["image"], rows["map_row"], strict=True))
        places = [order.get(item.content, -1) for item in manifest.test(column)]
        if -1 in places:
            differences.append(f"{column}: an image has no map")
            continue
        measured = pixel_metrics(np.array(maps[places]), truth, cell.maps, torch.device("cpu"))
        of_column = stored[stored["category"] == column]
        for metric, theirs in zip(of_column["metric"], of_column["value"], strict=True):
            value = getattr(measured, metric, None)
            if value is None or (math.isnan(value) and math.isnan(theirs)):
                continue
            compared += 1
            largest = max(largest, abs(value - theirs))
            if not abs(value - theirs) <= PIXEL_TOLERANCE:
                differences.append(
                    f"{metric} of {column} is {theirs:.6g} in the record and {value:.6g} from its "
                    "maps"
                )
    return Check(name, compared, tuple(differences), largest)


def _row(row: tuple[int, str, str, int, str]) -> str:
    t, column, image, label, defect = row
    kind = f"defective ({defect})" if label else f"good ({defect})" if defect != "good" else "good"
    return f"{column} {image[:8]} after experience {t}, {kind},"
