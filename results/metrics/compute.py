"""From the scores of a run to every image and continual metric.

Names in metrics.parquet:

    auroc, ap, f1_max     one category after experience t (the cells of R); n = its images
    acc, bwt, fm, ...     continual metrics of the AUROC matrix, of the whole run (t is null)
    pixel_auroc, pixel_ap, pixel_f1_max, aupro
                          the same of its pixels, where every defective image has a mask; they are
                          measured by `benchmark.pixels` on the maps, which scores do not hold
    ap.acc, aupro.bwt     continual metrics of another matrix: its name, a dot, the metric
    pooled_auroc          after each t, `inferred` routing only
    routing_accuracy      after each t, and of the whole run (its last row), `inferred` only

expert_forgetting and expert_worst_drop are there where the method recorded assignments.
`gap_to_joint` needs a second run and is worked out when a table is made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CadbenchError
from . import continual, image
from .continual import Index, Matrix

if TYPE_CHECKING:
    import pandas as pd

BASES: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "auroc": image.auroc,
    "ap": image.average_precision,
    "f1_max": image.f1_max,
}

PIXEL_BASES = ("pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro")

PixelCells = Mapping[tuple[int, str], Mapping[str, float]]
"""(t, category) -> value by name of PIXEL_BASES, `share` of defective pixels, `n` images."""

Row = tuple[str, int | None, str | None, float, int]  # the columns of metrics.parquet


def compute_metrics(
    scores: pd.DataFrame,
    experiences: Sequence[Sequence[str]],
    routing: str,
    events: pd.DataFrame | None = None,
    pixels: PixelCells | None = None,
) -> pd.DataFrame:
    """Every row of metrics.parquet, from the scores table and the assignments among the events.

    `pixels` holds the pixel metrics of the cells that have any.
    """
    import pandas as pd

    categories = stream_categories(experiences)
    s = introduced(experiences, categories)
    owner = owners(events, categories)
    columns = _Columns(scores, experiences, categories)
    rows: list[Row] = []
    for base, metric in BASES.items():
        matrix = _fill(columns, metric, len(experiences), len(categories))
        rows.extend(_cell_rows(base, matrix, columns, categories))
        rows.extend(continual_rows(base, matrix, s, owner, chance(base, _share(columns, s))))
    for base in PIXEL_BASES if pixels else ():
        rows.extend(_pixel_rows(base, pixels or {}, categories, len(experiences), s, owner))
    if routing == "inferred":
        rows.extend(_inferred_rows(columns, len(experiences), s, owner))
    frame = pd.DataFrame(rows, columns=["metric", "t", "category", "value", "n"])
    return frame.astype({"t": "Int16", "value": "float64", "n": "int32"})


def matrix(
    scores: pd.DataFrame,
    experiences: Sequence[Sequence[str]],
    categories: Sequence[str] | None = None,
    metric: str = "auroc",
) -> tuple[Matrix, Index]:
    """(R (T, C), s (C,)) of `metric` (a key of BASES) from a scores table.

    `categories` orders the columns (default: the order of the stream); cells that were not
    scored, or where the metric is undefined, are NaN.
    """
    names = list(categories) if categories is not None else stream_categories(experiences)
    columns = _Columns(scores, experiences, names)
    R = _fill(columns, BASES[metric], len(experiences), len(names))
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
    base: str, R: Matrix, s: Index, owner: Index | None = None, guessing: ArrayLike = 0.5
) -> list[Row]:
    """Every continual metric of one matrix; `base` is what the matrix holds (`auroc`, ...)."""
    measured = {name: metric(R, s) for name, metric in continual.OF_MATRIX.items()}
    measured["fwt"] = continual.fwt(R, s, guessing)
    if owner is not None:
        for name, of_experts in continual.OF_EXPERTS.items():
            measured[name] = of_experts(R, s, owner)
    prefix = "" if base == "auroc" else f"{base}."
    return [(f"{prefix}{name}", None, None, m.value, m.n) for name, m in measured.items()]


class _Columns:
    """The scores table as arrays sorted by (experience, category), checked once."""

    def __init__(
        self,
        scores: pd.DataFrame,
        experiences: Sequence[Sequence[str]],
        categories: Sequence[str],
    ) -> None:
        number = {category: c for c, category in enumerate(categories)}
        known = {category for experience in experiences for category in experience}
        unknown = sorted(set(scores["category"].unique()) - known)
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
    def cells(self) -> list[tuple[int, int, slice, int | None]]:
        """(t, c, rows, from when) of every scored cell.

        From when: the earlier experience that left the category the same scores, None without one.
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
        """Whether two cells hold the same scores and labels, row by row."""
        return np.array_equal(self.score[one], self.score[other]) and np.array_equal(
            self.label[one], self.label[other]
        )

    def after(self, t: int) -> slice:
        """The rows of experience t."""
        start, stop = np.searchsorted(self.experience, [t, t + 1])
        return slice(int(start), int(stop))


def _fill(
    columns: _Columns, metric: Callable[[ArrayLike, ArrayLike], float], T: int, C: int
) -> Matrix:
    R = np.full((T, C), np.nan)
    for t, c, rows, same in columns.cells:
        # Scores that an experience left as they were need not be measured again.
        R[t - 1, c] = (
            metric(columns.score[rows], columns.label[rows]) if same is None else R[same - 1, c]
        )
    return R


def _cell_rows(base: str, R: Matrix, columns: _Columns, categories: Sequence[str]) -> Iterator[Row]:
    for t, c, rows, _ in columns.cells:
        yield base, t, categories[c], float(R[t - 1, c]), rows.stop - rows.start


def chance(base: str, share: Matrix) -> Matrix:
    """(C,) what guessing reaches, above which forward transfer starts.

    share (C,): p, the defective part of a category's images, or of its pixels. 0.5 for AUROC; p for
    AP (its value for random scores in the limit); 2p / (1 + p) for F1-max (calling everything
    defective); for AUPRO half its limit, since a random map covers regions at the false-positive
    rate.
    """
    if base.endswith("auroc"):
        return np.full(share.shape, 0.5)
    if base == "aupro":
        return np.full(share.shape, 0.15)
    found: Matrix = share if base.endswith("ap") else 2 * share / (1 + share)
    return found


def _share(columns: _Columns, s: Index) -> Matrix:
    """(C,): the share of each category's images that is defective."""
    images = np.bincount(columns.category, minlength=len(s))
    defective = np.bincount(columns.category, weights=columns.label, minlength=len(s))
    return np.divide(defective, images, out=np.full(s.shape, np.nan), where=images > 0)


def _pixel_rows(
    base: str, pixels: PixelCells, categories: Sequence[str], T: int, s: Index, owner: Index | None
) -> Iterator[Row]:
    number = {category: c for c, category in enumerate(categories)}
    R, share = np.full((T, len(categories)), np.nan), np.full(len(categories), np.nan)
    for (t, category), measured in sorted(pixels.items()):
        R[t - 1, number[category]] = measured[base]
        share[number[category]] = measured["share"]
        yield base, t, category, measured[base], int(measured["n"])
    yield from continual_rows(base, R, s, owner, chance(base, share))


def _inferred_rows(columns: _Columns, T: int, s: Index, owner: Index | None) -> Iterator[Row]:
    for t in range(1, T + 1):
        rows = columns.after(t)
        category = columns.category[rows]
        pooled = continual.pooled_auroc(columns.score[rows], columns.label[rows], category, s, t)
        yield "pooled_auroc", t, None, pooled.value, pooled.n
        if owner is None:
            continue
        # An owner decided later than t is nobody's yet.
        routed = continual.routing_accuracy(
            columns.route[rows], category, np.where(s <= t, owner, -1)
        )
        yield "routing_accuracy", t, None, routed.value, routed.n
        if t == T:
            yield "routing_accuracy", None, None, routed.value, routed.n
