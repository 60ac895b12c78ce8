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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError
from ..precision import full_float32
from .patch_rows import PatchRows


@dataclass(frozen=True)
class Sizes:
    """How much a kind of device does at a time; counts are of values.

    level: that of a round, as a share of the greatest squared distance; elements: in a temporary
    array; followed: of the patches that are followed; paired: of patches paired with picks; few: up
    to which all patches are followed from the first pick on, as rounds would take longer; ahead:
    picks made before it is asked whether they were sure to be right.
    """

    level: float
    elements: int
    followed: int
    paired: int
    few: int
    ahead: int


# On the CPU arrays stay in its caches. CUDA is slow to begin and to ask: few rounds, long steps.
SIZES = {
    "cpu": Sizes(0.95, elements=1 << 20, followed=1 << 20, paired=1 << 17, few=1 << 16, ahead=1),
    "cuda": Sizes(0.8, elements=1 << 26, followed=1 << 22, paired=1 << 24, few=1 << 22, ahead=32),
}
_SURE = 64
"""Picks at once where all patches are followed, so that none can be wrong."""
_TINY = 1e-30
"""Squared distances below this are not told apart in float32, where squares come near underflow."""


def farthest_first(
    patches: PatchRows, k: int, known: Sequence[int], initial: Tensor | None = None
) -> np.ndarray:
    """Indices (k,) int64: `known` (one or more), then each time the patch farthest from its
    nearest pick, the lowest index on ties.

    initial: (N,) float64 squared distances that hold before any pick; infinite if None.
    """
    with full_float32():
        return _Traversal(patches, k, known, initial).run()


class _Traversal:
    """What is known of the squared distance of each patch to its nearest pick, arrays (N,).

    bound: float32, not below the distance to the first `bounded` picks, -inf for a pick;
    exact: float64, the distance to the first `settled` picks.
    """

    def __init__(
        self, patches: PatchRows, k: int, known: Sequence[int], initial: Tensor | None
    ) -> None:
        self.patches = patches
        self.k = k
        self.sizes = SIZES[patches.device.type]
        start = patches.take(torch.tensor([known[0]], device=patches.device))[0]
        self.picks = picks = _Picks(k, start, self.sizes.paired)
        self.bound = torch.empty(len(patches), device=patches.device)
        for where, part in patches.parts():
            self.bound[where] = picks.squares(picks.moved(part))
        if not torch.isfinite(self.bound).all():
            raise DataError(
                "patch embeddings hold values that are not finite or too large for float32 "
                "distances; extract the features again"
            )
        self.bounded = torch.ones_like(self.bound, dtype=torch.int32)
        self.exact = torch.full_like(self.bound, torch.inf, dtype=torch.float64)
        self.settled = torch.zeros_like(self.bounded)
        if initial is not None:
            self.exact[:] = initial
            self.bound = torch.minimum(self.bound, picks.raised(initial))
        rows = torch.tensor(known, device=patches.device)
        for some in rows.split(max(1, self.sizes.elements // patches.dim)):
            picks.add(some.tolist(), patches.take(some))
        self.bound[rows] = -torch.inf

    def run(self) -> np.ndarray:
        while len(self.picks) < self.k:
            level = self._next_level()
            self._catch_up(level)
            near = self.bound >= level
            self._settle(near)
            self._follow(near.nonzero()[:, 0], level)
        return np.array(self.picks.indices, dtype=np.int64)

    def _next_level(self) -> float:
        top = self.bound.max()
        if len(self.patches) * self.patches.dim <= self.sizes.few or float(top) < _TINY:
            return 0.0
        level = top * self.sizes.level
        if int((self.bound >= level).sum()) > self._most:
            # Below what the greatest distance is at least, or a round might pick nothing.
            certain = top * (1 - 2 * self.picks.error)
            level = torch.minimum(self.bound.topk(self._most).values[-1], certain)
        return float(level)

    def _catch_up(self, level: float) -> None:
        """Compare the patches whose bound reaches `level` with the picks they missed."""
        for start, rows in self._behind(self.bound >= level, self.bounded):
            missed = self.picks.bounds(self.patches.take(rows), start)
            self.bound[rows] = torch.minimum(self.bound[rows], missed)

    def _settle(self, near: Tensor) -> None:
        """Make the distances of `near` patches exact."""
        for start, rows in self._behind(near, self.settled):
            missed = self.picks.nearest(self.patches.take(rows), start)
            self.exact[rows] = torch.minimum(self.exact[rows], missed)

    def _behind(self, chosen: Tensor, seen: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The `chosen` patches that have not `seen` all picks: (first pick to see, rows).

        In parts of bounded size that missed about the same picks; they have seen all afterwards.
        """
        made = len(self.picks)
        rows = (chosen & (seen < made)).nonzero()[:, 0]
        rows = rows[seen[rows].argsort(stable=True)]
        size = self.sizes.elements // max(self.patches.dim, made) + 1
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            yield int(seen[part[0]]), part
        seen[rows] = made

    def _follow(self, rows: Tensor, level: float) -> None:
        """Pick from patches `rows` as long as the farthest of all is sure to be among them."""
        distances = self.exact[rows]
        self.bound[rows] = self.picks.raised(distances)
        least, last_row = level, len(self.patches)
        if len(rows) > self._most:
            # Near ties: follow the first in the order of picking, down to the first left out.
            order = distances.argsort(descending=True, stable=True)
            left_out = order[self._most]
            if distances[left_out] >= level:
                least, last_row = float(distances[left_out]), int(rows[left_out])
            kept = order[: self._most].sort().values
            rows, distances = rows[kept], distances[kept]
        followed = self.patches.take(rows).double()
        differences = torch.empty_like(followed)
        while len(self.picks) < self.k and len(rows):
            ahead = self.sizes.ahead if least else _SURE
            ahead = min(ahead, self.k - len(self.picks), len(rows))
            # Nothing here waits for the device: what was picked is asked once, afterwards.
            before, places, farthest = [distances], [], []
            for _ in range(ahead):
                most, place = distances.max(0, keepdim=True)  # the first of several
                torch.sub(followed, followed.index_select(0, place), out=differences)
                distances = torch.minimum(distances, differences.square_().sum(1))
                before.append(distances.index_fill_(0, place, -torch.inf))
                places.append(place)
                farthest.append(most)
            chosen = torch.cat(places)
            indices = rows[chosen].tolist()
            stand = 0
            for value, row in zip(torch.cat(farthest).tolist(), indices, strict=True):
                if value < least or (value == least and row > last_row):
                    break
                stand += 1
            self.picks.add(indices[:stand], followed[chosen[:stand]])
            if stand < ahead:
                distances = before[stand]
                break
        self.exact[rows] = distances
        self.bound[rows] = self.picks.raised(distances)
        self.settled[rows] = self.bounded[rows] = len(self.picks)

    @property
    def _most(self) -> int:
        return self.sizes.followed // self.patches.dim + 1


class _Picks:
    """The picks so far, for exact distances and for bounds.

    Bounds come from |x|^2 + |c|^2 - 2xc in float32, which is off by less than `error` times
    |x|^2 + |c|^2: D roundings in each square and in the product, and fewer than 16 elsewhere
    (of full float32 products, see `full_float32`).
    Patches are moved for that, so that `origin`, one amid them, is zero and squares are small.
    """

    def __init__(self, k: int, origin: Tensor, paired: int) -> None:
        """origin (D,) float32; paired: how many values are compared in float64 at a time."""
        dim = len(origin)
        self.indices: list[int] = []
        self.error = (2 * dim + 16) * 2.0**-24
        self._origin = origin
        self._paired = paired
        self._exact = origin.new_empty((k, dim), dtype=torch.float64)
        self._moved = origin.new_empty((k, dim), dtype=torch.float32)
        self._squares = origin.new_empty(k, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, indices: Sequence[int], patches: Tensor) -> None:
        """Append patches (n, D)."""
        places = slice(len(self), len(self) + len(indices))
        self.indices.extend(indices)
        self._exact[places] = patches.double()
        self._moved[places] = self.moved(patches)
        self._squares[places] = self._moved[places].square().sum(1)

    def moved(self, patches: Tensor) -> Tensor:
        """Patches as the bounds need them, float32."""
        return patches - self._origin

    def raised(self, values: Tensor) -> Tensor:
        """Values (n,) in float32, not below the truth."""
        return values.float() * (1 + self.error)

    def squares(self, moved: Tensor) -> Tensor:
        """|x|^2 of moved patches (n, D), not below the truth: (n,)."""
        return self.raised(moved.square().sum(1))

    def bounds(self, patches: Tensor, start: int) -> Tensor:
        """What the squared distance of patches (n, D) to picks from `start` is at most: (n,)."""
        moved = self.moved(patches)
        return (self._less_squares(moved, start).amin(1) + self.squares(moved)).clamp_(min=0)

    def nearest(self, patches: Tensor, start: int) -> Tensor:
        """Squared distance of patches (n, D) to their nearest pick from `start`: (n,) float64.

        A pick is nearest only if its bound less twice its error is at most the least bound.
        """
        moved = self.moved(patches)
        bounds = self._less_squares(moved, start)
        highest = bounds.amin(1) + 2 * self.error * self.squares(moved) + _TINY
        bounds -= 2 * self.error * self._squares[start : len(self)]
        distances = patches.new_full((len(patches),), torch.inf, dtype=torch.float64)
        pairs = (bounds <= highest[:, None]).nonzero()
        for part in pairs.split(self._paired // patches.shape[1] + 1):
            row, pick = part.unbind(1)
            difference = patches[row].double().sub_(self._exact[start + pick])
            distances.scatter_reduce_(0, row, difference.square_().sum(1), "amin")
        return distances

    def _less_squares(self, moved: Tensor, start: int) -> Tensor:
        """What |c|^2 - 2xc is at most, for moved patches x (n, D) and m picks c: (n, m)."""
        made = slice(start, len(self))
        squares = self.raised(self._squares[made])
        return torch.addmm(squares, moved, self._moved[made].T, alpha=-2)
