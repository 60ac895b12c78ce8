"""Farthest-first traversal that follows only the patches that may be next; the others wait.

The distance of a patch to its nearest pick only falls as picks are added, so its value of some
picks ago bounds today's from above, and a patch whose bound is below the greatest distance can
wait. A round lowers the level a little, compares the waiting patches above it with the picks they
missed (many in one matrix product, until they fall below the level), and then follows the few
that stay above it pick by pick, as the plain algorithm does, until none is left there.

Float32 products only say who can wait, and bounds are raised by their rounding errors. What is
picked is decided by squared differences summed in float64, every row in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.services.patch_rows import PatchRows
from results.errors import DataError

_LEVEL = 0.95
"""The level of a round as a share of the greatest squared distance."""
_ELEMENTS = 1 << 22
"""Values in a temporary array: 16 MB in float32."""
_FOLLOWED = 1 << 20
"""Values of the patches that are followed: 8 MB in float64, which stays in the CPU's cache."""


def farthest_first(
    patches: PatchRows, k: int, known: Sequence[int], initial: Tensor | None = None
) -> np.ndarray:
    """Indices (k,) int64: `known` (one or more), then each time the patch farthest from its
    nearest pick, the lowest index on ties.

    initial: (N,) float64 squared distances that hold before any pick; infinite if None.
    """
    return _Traversal(patches, k, known, initial).run()


class _Traversal:
    """bound (N,): what a squared distance is at most, -inf for picks; compared (N,): with how
    many of the picks the patch was compared for that."""

    def __init__(
        self, patches: PatchRows, k: int, known: Sequence[int], initial: Tensor | None
    ) -> None:
        self.patches = patches
        self.initial = initial
        self.k = k
        first = patches.take(torch.tensor([known[0]], device=patches.device))[0]
        self.picks = picks = _Picks(k, first)
        self.bound = torch.cat([picks.squares(picks.moved(part)) for part in patches.parts()])
        if not torch.isfinite(self.bound).all():
            raise DataError(
                "patch embeddings hold values that are not finite or above 1e15; "
                "extract the features again"
            )
        if initial is not None:
            self.bound = torch.minimum(self.bound, picks.raised(initial))
        self.compared = torch.ones_like(self.bound, dtype=torch.int32)
        for row in torch.tensor(known, device=patches.device)[:, None]:
            self._pick(row, patches.take(row))

    def run(self) -> np.ndarray:
        while len(self.picks.indices) < self.k:
            level = self._next_level()
            self._catch_up(level)
            above = (self.bound >= level).nonzero()[:, 0]
            if len(above):
                self._follow(above, level)
        return np.array(self.picks.indices, dtype=np.int64)

    def _next_level(self) -> float:
        top = self.bound.max()
        level = top * _LEVEL
        most = _FOLLOWED // self.patches.dim + 1
        if int((self.bound >= level).sum()) > most:
            # Below what the greatest distance is at least, or a round might pick nothing.
            certain = top * (1 - 2 * self.picks.error)
            level = torch.minimum(self.bound.topk(most).values[-1], certain)
        return float(level)

    def _catch_up(self, level: float) -> None:
        """Compare the patches whose bounds reach `level` with the picks they missed."""
        made = len(self.picks.indices)
        waiting = ((self.bound >= level) & (self.compared < made)).nonzero()[:, 0]
        if not len(waiting):
            return
        waiting = waiting[self.compared[waiting].argsort(stable=True)]
        for rows in waiting.split(self._at_once()):
            moved = self.picks.moved(self.patches.take(rows))
            missed = self.picks.bounds(moved, start=int(self.compared[rows[0]]))
            bound = (missed.amin(1) + self.picks.squares(moved)).clamp_(min=0)
            self.bound[rows] = torch.minimum(self.bound[rows], bound)
        self.compared[waiting] = made

    def _follow(self, rows: Tensor, level: float) -> None:
        """Pick from patches `rows` as long as the farthest of all is sure to be among them."""
        distances = self._exact(rows)
        least, last_row = level, len(self.patches)
        most = _FOLLOWED // self.patches.dim + 1
        if len(rows) > most:
            # Many near ties: follow the first in the order of picking, down to the first left out.
            order = distances.argsort(descending=True, stable=True)
            least, last_row = float(distances[order[most]]), int(rows[order[most]])
            kept = order[:most].sort().values
            rows, distances = rows[kept], distances[kept]
        followed = self.patches.take(rows).double()
        differences = torch.empty_like(followed)
        while len(self.picks.indices) < self.k:
            place = distances.argmax()
            farthest, row = float(distances[place]), rows[place]
            if farthest < least or (farthest == least and int(row) > last_row):
                break
            self._pick(row, followed[place])
            torch.sub(followed, followed[place], out=differences)
            torch.minimum(distances, differences.square_().sum(1), out=distances)
            distances[place] = -torch.inf
        self.bound[rows] = self.picks.raised(distances)
        self.compared[rows] = len(self.picks.indices)

    def _exact(self, rows: Tensor) -> Tensor:
        """Squared distances (n,) float64 of `rows`, which become their bounds."""
        made = len(self.picks.indices)
        found = []
        for part in rows.split(self._at_once()):
            nearest = self.picks.nearest(self.patches.take(part))
            if self.initial is not None:
                nearest = torch.minimum(nearest, self.initial[part])
            found.append(nearest)
        distances = torch.cat(found)
        self.bound[rows] = self.picks.raised(distances)
        self.compared[rows] = made
        return distances

    def _at_once(self) -> int:
        """How many patches to compare with picks in one product."""
        return _ELEMENTS // max(self.patches.dim, len(self.picks.indices)) + 1

    def _pick(self, row: Tensor, patch: Tensor) -> None:
        self.picks.add(int(row), patch)
        self.bound[row] = -torch.inf


class _Picks:
    """The picks so far, for exact distances and for bounds.

    Bounds come from |x|^2 + |c|^2 - 2xc in float32, which is off by less than `error` times
    |x|^2 + |c|^2: D roundings in each square and in the product, and fewer than 16 elsewhere.
    Patches are moved for that, so that `origin`, one amid them, is zero and squares are small.
    """

    def __init__(self, k: int, origin: Tensor) -> None:
        dim = len(origin)
        self.indices: list[int] = []
        self.error = (2 * dim + 16) * 2.0**-24
        self._origin = origin.float()
        self._exact = origin.new_empty((k, dim), dtype=torch.float64)
        self._moved = origin.new_empty((k, dim), dtype=torch.float32)
        self._squares = origin.new_empty(k, dtype=torch.float32)

    def add(self, index: int, patch: Tensor) -> None:
        """Append a patch (D,)."""
        place = len(self.indices)
        self.indices.append(index)
        self._exact[place] = patch.double()
        self._moved[place] = self.moved(patch)
        self._squares[place] = self._moved[place].square().sum()

    def moved(self, patches: Tensor) -> Tensor:
        """Patches as the bounds need them, float32."""
        return patches.float() - self._origin

    def raised(self, values: Tensor) -> Tensor:
        """Values (n,) in float32, not below the truth."""
        return values.float() * (1 + self.error)

    def squares(self, moved: Tensor) -> Tensor:
        """|x|^2 of moved patches (n, D), not below the truth: (n,)."""
        return self.raised(moved.square().sum(1))

    def bounds(self, moved: Tensor, start: int = 0) -> Tensor:
        """What |x - c|^2 - |x|^2 is at most, for moved patches (n, D): (n, m), m picks."""
        picks = slice(start, len(self.indices))
        squares = self.raised(self._squares[picks])
        return torch.addmm(squares, moved, self._moved[picks].T, alpha=-2)

    def nearest(self, patches: Tensor) -> Tensor:
        """Exact squared distance of patches (n, D) to their nearest pick: (n,) float64.

        A pick is nearest only if its bound less twice its error is at most the least bound.
        """
        moved, made = self.moved(patches), len(self.indices)
        bounds = self.bounds(moved)
        highest = bounds.amin(1) + 2 * self.error * self.squares(moved)
        lowest = bounds - 2 * self.error * self._squares[:made]
        distances = patches.new_full((len(patches),), torch.inf, dtype=torch.float64)
        for pairs in (lowest <= highest[:, None]).nonzero().split(_ELEMENTS // len(moved[0]) + 1):
            row, pick = pairs.unbind(1)
            difference = patches[row].double() - self._exact[pick]
            distances.scatter_reduce_(0, row, difference.square_().sum(1), "amin")
        return distances
