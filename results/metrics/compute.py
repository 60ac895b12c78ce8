"""From the scores of a run to every image and continual metric.

Names in metrics.parquet:

    auroc, ap, ...        one category after experience t (the cells of R); n = its images
    acc, bwt, fm, ...     continual metrics of the AUROC matrix, of the entire run (t is null)
    pixel_auroc, ...      one category's pixels, where every defective image has a mask; computed by
                          `benchmark.pixels` from the maps, which scores do not hold
    ap.acc, aupro.bwt     continual metrics of another matrix: its name, a dot, the metric
    false_alarm_rate, ..  one category at its threshold, of runs with held-out images only
    pooled_auroc          after each t, `inferred` routing only
    routing_accuracy      after each t, and of the entire run (its last row), `inferred` only
    wrong_neighbor_rate   one category, and of the entire run, from events of methods with blocks
    boundaries_found, ..  of the entire run, from events of methods that find boundaries

Metrics of experts are there where the method recorded assignments. `gap_to_joint` needs a second
run and is computed when a table is made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CadbenchError
from ..records.schema import WRONG_NEIGHBORS
from .from_events.boundaries import boundaries_and_switches
from .from_events.neighbors import wrong_neighbor_rate
from .inferred_routing import pooled_auroc, routing_accuracy
from .metric import CategoryMetric, ImageMetric, Index, Matrix, PixelMetric
from .operating_points import AlarmThresholds, HeldOut
from .registry import (
    BOUNDARY_METRICS,
    DEFAULT,
    IMAGE_METRICS,
    MATRIX_METRICS,
    OPERATING_METRICS,
    PIXEL_METRICS,
    stored_name,
)

if TYPE_CHECKING:
    import pandas as pd

PixelCells = Mapping[tuple[int, str], Mapping[str, float]]
"""(t, category) -> value by name of a pixel metric, `share` of defective pixels, `n` images."""

Row = tuple[str, int | None, str | None, float, int]  # the columns of metrics.parquet


def compute_metrics(
    scores: pd.DataFrame,
    experiences: Sequence[Sequence[str]],
    routing: str,
    events: pd.DataFrame | None = None,
    pixels: PixelCells | None = None,
    held_out: HeldOut | None = None,
) -> pd.DataFrame:
    """Compute every row of metrics.parquet.

    Args:
        scores: the scores table of the run.
        experiences: the categories that each experience introduces.
        routing: `oracle` or `inferred`.
        events: the events table; its assignments name the expert that owns each category.
        pixels: the pixel metrics of categories that have any, which scores do not give.
        held_out: the scores of held-out training images; None for a run without any.
    """
    import pandas as pd

    categories = stream_categories(experiences)
    s = introduced(experiences, categories)
    owner = owners(events, categories)
    sorted_scores = _SortedScores(scores, experiences, categories)
    rows: list[Row] = []
    for image_metric in IMAGE_METRICS.values():
        R = _fill(sorted_scores, image_metric, len(experiences), len(categories))
        rows.extend(_category_rows(image_metric, R, sorted_scores, categories))
        rows.extend(continual_rows(image_metric, R, s, _defective_share(sorted_scores, s), owner))
    for pixel_metric in PIXEL_METRICS.values():
        measured = {key: cell for key, cell in (pixels or {}).items() if pixel_metric.name in cell}
        if measured:
            T = len(experiences)
            rows.extend(_pixel_rows(pixel_metric, measured, categories, T, s, owner))
    if held_out is not None:
        thresholds = AlarmThresholds(held_out, experiences, routing)
        rows.extend(_operating_rows(sorted_scores, thresholds, categories, s, owner))
    if routing == "inferred":
        rows.extend(_inferred_rows(sorted_scores, len(experiences), s, owner))
    rows.extend(_neighbor_rows(events, categories))
    rows.extend(_boundary_rows(events))
    frame = pd.DataFrame(rows, columns=["metric", "t", "category", "value", "n"])
    return frame.astype({"t": "Int16", "value": "float64", "n": "int32"})


def matrix(
    scores: pd.DataFrame,
    experiences: Sequence[Sequence[str]],
    categories: Sequence[str] | None = None,
    metric: str = DEFAULT,
) -> tuple[Matrix, Index]:
    """Compute the matrix of an image metric from a scores table.

    Args:
        scores: the scores table of a run.
        experiences: the categories that each experience introduces.
        categories: the columns of R; by default all, in the order of the stream.
        metric: the name of an image metric.

    Returns:
        R (T, C), NaN where nothing was scored or the metric is undefined, and s (C,), the
        experience that introduces each category.
    """
    names = list(categories) if categories is not None else stream_categories(experiences)
    sorted_scores = _SortedScores(scores, experiences, names)
    R = _fill(sorted_scores, IMAGE_METRICS[metric], len(experiences), len(names))
    return R, introduced(experiences, names)


def stream_categories(experiences: Sequence[Sequence[str]]) -> list[str]:
    """All categories, in the order in which the stream introduces them."""
    return [category for experience in experiences for category in experience]


def introduced(experiences: Sequence[Sequence[str]], categories: Sequence[str]) -> Index:
    """s (C,): the experience, from 1, that introduces each of `categories`."""
    first = {category: t for t, experience in enumerate(experiences, 1) for category in experience}
    unknown = [category for category in categories if category not in first]
    if unknown:
        raise CadbenchError(f"no experience introduces {', '.join(unknown)}")
    return np.array([first[category] for category in categories], dtype=np.int64)


def owners(events: pd.DataFrame | None, categories: Sequence[str]) -> Index | None:
    """(C,) the expert that owns each category at the end, -1 for none; None without assignments."""
    if events is None or not len(events) or "chosen" not in events.columns:
        return None
    assignments = events[events["kind"] == "assignment"]
    chosen = assignments[assignments["chosen"].fillna(False).astype(bool)]
    if chosen.empty:
        return None
    owner = dict(zip(chosen["category"], chosen["expert"], strict=True))
    return np.array([int(owner.get(category, -1)) for category in categories], dtype=np.int64)


def continual_rows(
    base: CategoryMetric, R: Matrix, s: Index, share: Matrix, owner: Index | None = None
) -> list[Row]:
    """Every stored continual metric of one matrix.

    Args:
        base: what the matrix holds.
        R: (T, C) the matrix.
        s: (C,) the experience that introduces each category.
        share: (C,) the share of its images, or pixels, that are defective.
        owner: (C,) the expert that owns it, -1 for none; None for a method without experts.
    """
    chance = None if base.chance is None else base.chance(share)
    third = {"matrix": None, "chance": chance, "owners": owner}
    rows: list[Row] = []
    for metric in MATRIX_METRICS.values():
        if metric.needs not in third or not metric.is_defined_for(base):
            continue
        if metric.needs == "owners" and owner is None:
            continue
        measured = metric.measure(base, R, s, third[metric.needs])
        name = stored_name(base.name, metric.name)
        rows.append((name, None, None, float(measured.value), measured.n))
    return rows


class _SortedScores:
    """The scores table as arrays sorted by (experience, category), checked once."""

    def __init__(
        self,
        scores: pd.DataFrame,
        experiences: Sequence[Sequence[str]],
        categories: Sequence[str],
    ) -> None:
        number = {category: c for c, category in enumerate(categories)}
        in_stream = set(stream_categories(experiences))
        unknown = sorted(set(scores["category"].unique()) - in_stream)
        if unknown:
            raise CadbenchError(
                f"the scores have categories of no experience: {', '.join(unknown)}"
            )
        kept = scores[scores["category"].isin(number)]
        experience = kept["experience"].to_numpy(dtype=np.int64)
        if experience.size and not 1 <= experience.min() <= experience.max() <= len(experiences):
            raise CadbenchError(f"the scores have experiences outside 1 to {len(experiences)}")
        category = kept["category"].map(number).to_numpy(dtype=np.int64)
        order = np.lexsort((category, experience))
        self.experience = experience[order]
        self.category = category[order]
        self.score = kept["score"].to_numpy(dtype=np.float64)[order]
        self.label = kept["label"].to_numpy()[order]
        self.route = kept["route"].to_numpy(dtype=np.int64)[order]
        self._refuse_broken_scores(categories)

    def _refuse_broken_scores(self, categories: Sequence[str]) -> None:
        broken = np.flatnonzero(~np.isfinite(self.score))
        if broken.size:
            first = broken[0]
            raise CadbenchError(
                f"{broken.size} scores are NaN or infinite, first in category "
                f"{categories[self.category[first]]} after experience {self.experience[first]}; "
                "a method must return finite scores"
            )

    @functools.cached_property
    def groups(self) -> list[tuple[int, int, slice, int | None]]:
        """(t, c, rows, same) of every scored category and experience.

        same: the earlier experience after which it had the same scores, None without one.
        """
        key = np.stack([self.experience, self.category])
        starts = np.flatnonzero((np.diff(key, prepend=-1) != 0).any(axis=0))
        stops = np.append(starts, key.shape[1])[1:]
        found: list[tuple[int, int, slice, int | None]] = []
        latest: dict[int, tuple[int, slice]] = {}
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            t, c, rows = int(self.experience[start]), int(self.category[start]), slice(start, stop)
            first, before = latest.get(c, (None, rows))
            same = first if first is not None and self._equal(before, rows) else None
            if same is None:
                latest[c] = t, rows
            found.append((t, c, rows, same))
        return found

    def _equal(self, one: slice, other: slice) -> bool:
        """Whether two slices of rows hold the same scores and labels."""
        return np.array_equal(self.score[one], self.score[other]) and np.array_equal(
            self.label[one], self.label[other]
        )

    def after(self, t: int) -> slice:
        """The rows of experience t."""
        start, stop = np.searchsorted(self.experience, [t, t + 1])
        return slice(int(start), int(stop))


def _fill(scores: _SortedScores, metric: ImageMetric, T: int, C: int) -> Matrix:
    R = np.full((T, C), np.nan)
    for t, c, rows, same in scores.groups:
        # Scores that an experience left unchanged need not be measured again.
        R[t - 1, c] = (
            metric.function(scores.score[rows], scores.label[rows])
            if same is None
            else R[same - 1, c]
        )
    return R


def _category_rows(
    metric: ImageMetric, R: Matrix, scores: _SortedScores, categories: Sequence[str]
) -> Iterator[Row]:
    for t, c, rows, _ in scores.groups:
        yield metric.name, t, categories[c], float(R[t - 1, c]), rows.stop - rows.start


def _defective_share(scores: _SortedScores, s: Index) -> Matrix:
    """(C,): the share of each category's images that is defective."""
    images = np.bincount(scores.category, minlength=len(s))
    defective = np.bincount(scores.category, weights=scores.label, minlength=len(s))
    return np.divide(defective, images, out=np.full(s.shape, np.nan), where=images > 0)


def _pixel_rows(
    metric: PixelMetric,
    pixels: PixelCells,
    categories: Sequence[str],
    T: int,
    s: Index,
    owner: Index | None,
) -> Iterator[Row]:
    number = {category: c for c, category in enumerate(categories)}
    R, share = np.full((T, len(categories)), np.nan), np.full(len(categories), np.nan)
    for (t, category), measured in sorted(pixels.items()):
        value = measured[metric.name]
        R[t - 1, number[category]] = value
        share[number[category]] = measured["share"]
        yield metric.name, t, category, value, int(measured["n"])
    yield from continual_rows(metric, R, s, share, owner)


def _operating_rows(
    scores: _SortedScores,
    thresholds: AlarmThresholds,
    categories: Sequence[str],
    s: Index,
    owner: Index | None,
) -> Iterator[Row]:
    share, T = _defective_share(scores, s), len(thresholds.experiences)
    of_image = {
        (t, c): thresholds.of(t, categories[c], scores.route[rows])
        for t, c, rows, _ in scores.groups
    }
    for metric in OPERATING_METRICS.values():
        R = np.full((T, len(categories)), np.nan)
        for t, c, rows, _ in scores.groups:
            value = metric.function(scores.score[rows], scores.label[rows], of_image[t, c])
            R[t - 1, c] = value
            yield metric.name, t, categories[c], value, rows.stop - rows.start
        yield from continual_rows(metric, R, s, share, owner)


def _neighbor_rows(events: pd.DataFrame | None, categories: Sequence[str]) -> Iterator[Row]:
    if events is None or "rate" not in events.columns:
        return
    found = events[(events["kind"] == WRONG_NEIGHBORS) & events["category"].isin(categories)]
    columns = (found[name] for name in ("experience", "category", "rate", "images"))
    shares = []
    for t, category, share, images in zip(*columns, strict=True):
        shares.append(float(share))
        yield "wrong_neighbor_rate", int(t), category, float(share), int(images)
    if shares:
        mean = wrong_neighbor_rate(shares)
        yield "wrong_neighbor_rate", None, None, float(mean.value), mean.n


def _boundary_rows(events: pd.DataFrame | None) -> Iterator[Row]:
    found = None if events is None else boundaries_and_switches(events)
    if found is not None:
        for metric in BOUNDARY_METRICS.values():
            measured = metric.function(*found)
            yield metric.name, None, None, float(measured.value), measured.n


def _inferred_rows(scores: _SortedScores, T: int, s: Index, owner: Index | None) -> Iterator[Row]:
    for t in range(1, T + 1):
        rows = scores.after(t)
        category = scores.category[rows]
        pooled = pooled_auroc(scores.score[rows], scores.label[rows], category, s, t)
        yield "pooled_auroc", t, None, float(pooled.value), pooled.n
        if owner is None:
            continue
        # Before experience s(c), nobody owns category c.
        owner_then = np.where(s <= t, owner, -1)
        routed = routing_accuracy(scores.route[rows], category, owner_then)
        yield "routing_accuracy", t, None, float(routed.value), routed.n
        if t == T:
            yield "routing_accuracy", None, None, float(routed.value), routed.n
