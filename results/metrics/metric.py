"""The fields of a metric: its functions, its texts, and whether higher is better.

R (T, C) float64 is the matrix of a metric of categories: category c after experience t = 1..T, NaN
where it was not measured or is undefined. s (C,) is the experience, from 1, that introduces c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Scores: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.bool_]
Weights: TypeAlias = NDArray[np.floating]
Replicates: TypeAlias = NDArray[np.float64]
FloatOrArray: TypeAlias = float | NDArray[np.float64]
"""The value of one matrix, or the values (B,) of a stack of matrices."""

Better: TypeAlias = Literal["higher", "lower"]
Chance: TypeAlias = Callable[[Matrix], Matrix]


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a continual metric and how many categories it is over.

    value: a float; for a stack of matrices (B, T, C) an array (B,).
    """

    value: FloatOrArray
    n: int


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What every metric has.

    Args:
        name: as in metrics.parquet and on the command line.
        heading: as in tables and figures.
        formula: the definition, as footnotes print it.
        range: `LOW to HIGH`.
        higher_is_better: signs, ranks and highlighting follow from it.
        meaning: what it measures, in a sentence.
        sign: what the sign or the level of guessing means; empty where there is nothing to say.
        published: which columns of other projects correspond to it, and which only look similar.
    """

    kind: ClassVar[Literal["image", "pixel", "operating", "continual"]]
    name: str
    heading: str
    formula: str
    range: str
    higher_is_better: bool
    meaning: str
    sign: str = ""
    published: str = ""

    @property
    def better(self) -> Better:
        return "higher" if self.higher_is_better else "lower"


@dataclass(frozen=True, kw_only=True)
class CategoryMetric(Metric):
    """A metric of one category's test images: what the cells of a matrix R hold.

    chance: from the share (C,) of each category's images, or pixels, that are defective to what
    guessing reaches (C,). Forward transfer is measured against it; None if guessing has no level.
    """

    chance: Chance | None

    @property
    def fixed_chance(self) -> float | None:
        """What guessing reaches if that does not depend on shares, and can be told from 0 and 1."""
        if self.chance is None:
            return None
        levels = set(self.chance(np.array([0.3, 0.6])).tolist())
        level = levels.pop()
        return level if not levels and 0.02 < level < 0.98 else None


@dataclass(frozen=True, kw_only=True)
class ImageMetric(CategoryMetric):
    """A metric of the scores of images.

    Args:
        function: (scores (N,), labels (N,), 1 = defective) -> value, NaN with one label only.
        weighted: (scores (N,), labels (N,), weights (N, B)) -> (B,): column b is the metric with
            image i counted weights[i, b] times; NaN where a label has no weight. Intervals use it.
    """

    kind = "image"
    function: Callable[[ArrayLike, ArrayLike], float]
    weighted: Callable[[Scores, Labels, Weights], Replicates]


@dataclass(frozen=True, kw_only=True)
class PixelMetric(CategoryMetric):
    """A metric of anomaly maps; `benchmark.pixels` computes the field of the same name."""

    kind = "pixel"


@dataclass(frozen=True, kw_only=True)
class OperatingMetric(CategoryMetric):
    """A metric of the scores of images and the thresholds that judge them (`operating_points`).

    Args:
        function: (scores (N,), labels (N,), thresholds (N,)) -> value.
        weighted: the same with weights (N, B) -> (B,), as that of an image metric.
    """

    kind = "operating"
    function: Callable[[ArrayLike, ArrayLike, ArrayLike], float]
    weighted: Callable[[Scores, Labels, Scores, Weights], Replicates]


@dataclass(frozen=True, kw_only=True)
class ContinualMetric(Metric):
    """A metric of a run: of the matrix of any category metric, or of the scores themselves.

    The texts and `function` are written for a matrix in which higher is better. Where lower is
    better, the best value is the lowest one and the worst drop the highest rise. A value or change
    (`higher_is_better`) keeps its formula, so its sign turns: bwt is then positive for forgetting.
    A loss (not `higher_is_better`) stays positive where performance was lost.

    Args:
        function: (R, s) -> Measured, with a third argument where `needs` names one. R may be a
            stack (B, T, C), such as bootstrap replicates: a term then enters where every matrix of
            the stack defines it.
        needs: `matrix`: (R, s) is enough; `chance`: what guessing reaches (C,); `owners`: the
            expert that owns each category (C,), -1 for none; `joint`: R of the joint run, same
            columns; `scores`: no matrix at all, computed in metrics.compute.
        formula_where_lower: the formula where lower is better, if it reads differently.
        extreme: whether a maximum or minimum is inside, which noise moves one way.
    """

    kind = "continual"
    function: Callable[..., Measured]
    needs: Literal["matrix", "chance", "owners", "joint", "scores"] = "matrix"
    formula_where_lower: str = ""
    extreme: bool = False

    def measure(
        self, base: CategoryMetric, R: Matrix, s: Index, third: ArrayLike | None = None
    ) -> Measured:
        """The metric of the matrix R of `base`; `third` is what `needs` names."""
        more = () if third is None else (np.asarray(third),)
        if base.higher_is_better:
            return self.function(R, s, *more)
        turned = more if self.needs == "owners" else tuple(-each for each in more)
        measured = self.function(-R, s, *turned)
        # 0 - x, because -x would print a zero as -0.000.
        return measured if self.is_loss else Measured(0 - measured.value, measured.n)

    def is_defined_for(self, base: CategoryMetric) -> bool:
        """Whether a matrix of `base` has it: forward transfer needs a level of guessing."""
        return self.needs != "chance" or base.chance is not None

    @property
    def is_loss(self) -> bool:
        """Whether it is positive where performance was lost, whatever the matrix holds."""
        return not self.higher_is_better

    def better_of(self, base: CategoryMetric) -> Better:
        """Which way is better where the matrix holds `base`."""
        return "lower" if self.is_loss else base.better

    def formula_of(self, base: CategoryMetric) -> str:
        lower = not base.higher_is_better
        return (lower and self.formula_where_lower) or self.formula

    def sign_of(self, base: CategoryMetric) -> str:
        """What the sign means where the matrix holds `base`."""
        if base.higher_is_better or self.is_loss:
            return self.sign
        word, _, rest = self.sign.partition(" ")
        turned = {"negative": "positive", "positive": "negative"}
        return f"{turned.get(word, word)} {rest}".rstrip()


def constant_chance(level: float) -> Chance:
    """A level of guessing that does not depend on the share of defective images or pixels."""
    return lambda share: np.full(share.shape, level)
