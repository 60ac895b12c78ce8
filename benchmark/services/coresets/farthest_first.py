"""Exact farthest-first traversal (greedy k-center) with delayed distance updates.

The plain algorithm stores for every patch the distance to its nearest pick, picks the patch where
it is largest, and updates all N distances: N * k distance computations. But distances only fall as
picks are added, so an old distance is an upper bound on the current one, and a patch whose upper
bound is below the largest distance cannot be the next pick. Its update can wait. A round therefore

1. chooses a level a little below the largest upper bound (`_next_level`);
2. updates the upper bounds that reach the level with the picks they have missed, many patches and
   many picks per float32 matrix product; most bounds fall below the level (`_update_bounds`);
3. computes the exact distances of the few patches that still reach it (`_update_exact`);
4. runs the plain algorithm on these, the active patches, until their largest distance falls below
   the level (`_pick_among`).

Why the picks are exact: a patch that is not active has an upper bound below the level, so as long
as the largest active distance reaches the level, it is the largest of all. Float32 products are
only used for upper bounds, which are raised by their largest possible rounding error. Distances
that decide a pick are sums of squared differences in float64, always added in the same order, and
ties go to the lowest index. So the picks are those of the plain loop in float64.

All distances in this file are squared. On few patches, rounds would cost more than they save; there
all patches are active from the first pick on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError
from ..precision import full_float32
from .patch_rows import NOT_FINITE, PatchRows


@dataclass(frozen=True)
class Sizes:
    """Tuning constants per device type; sizes are counted in values (patches times dimensions).

    Attributes:
        level: level of a round, as a share of the largest distance.
        batch: values in a temporary array.
        active: values of the active patches.
        pairs: values of the pairs of patch and pick that are compared in float64 at a time.
        all_active: number of values up to which all patches are active.
        speculative: picks made before checking that they were certain; wrong ones are undone.
    """

    level: float
    batch: int
    active: int
    pairs: int
    all_active: int
    speculative: int


# On the CPU, arrays stay in its caches. On CUDA, starting and waiting for operations is slow, so
# rounds are few and long.
SIZES = {
    "cpu": Sizes(
        0.95, batch=1 << 20, active=1 << 20, pairs=1 << 17, all_active=1 << 16, speculative=1
    ),
    "cuda": Sizes(
        0.8, batch=1 << 26, active=1 << 22, pairs=1 << 24, all_active=1 << 22, speculative=32
    ),
}
_CERTAIN_PICKS = 64
"""Picks made at a time if all patches are active, so that every pick is certain."""
_TINY = 1e-30
"""Distances below this cannot be compared in float32, whose squares underflow nearby."""


def farthest_first(
    patches: PatchRows, k: int, first_picks: Sequence[int], initial: Tensor | None = None
) -> np.ndarray:
    """Pick k patches: `first_picks`, then each time the patch farthest from its nearest pick.

    Args:
        k: number of picks, at most N.
        first_picks: indices of the first picks; at least one.
        initial: (N,) float64 squared distances before the first pick; None: infinite.

    Returns:
        Indices (k,) int64 in order. Ties go to the lowest index.

    Raises:
        DataError: values are not finite, or too large for float32 distances.
    """
    with full_float32():
        return _Traversal(patches, k, first_picks, initial).run()


class _Traversal:
    """State of a traversal: each patch's distance to its nearest pick, as arrays (N,).

    Attributes:
        bound: float32 upper bounds of the distances to the first `bound_picks` picks; -inf for a
            pick.
        exact: float64 distances to the first `exact_picks` picks.
    """

    def __init__(
        self, patches: PatchRows, k: int, first_picks: Sequence[int], initial: Tensor | None
    ) -> None:
        self.patches = patches
        self.k = k
        self.sizes = SIZES[patches.device.type]
        start = patches.take(torch.tensor([first_picks[0]], device=patches.device))[0]
        self.picks = picks = _Picks(k, start, self.sizes.pairs)
        self.bound = torch.empty(len(patches), device=patches.device)
        for where, part in patches.parts():
            self.bound[where] = picks.squares(picks.shift(part))
        if not torch.isfinite(self.bound).all():
            raise DataError(f"{NOT_FINITE} (or they are too large for float32 distances)")
        self.bound_picks = torch.ones_like(self.bound, dtype=torch.int32)
        self.exact = torch.full_like(self.bound, torch.inf, dtype=torch.float64)
        self.exact_picks = torch.zeros_like(self.bound_picks)
        if initial is not None:
            self.exact[:] = initial
            self.bound = torch.minimum(self.bound, picks.round_up(initial))
        rows = torch.tensor(first_picks, device=patches.device)
        for batch in rows.split(max(1, self.sizes.batch // patches.dim)):
            picks.add(batch.tolist(), patches.take(batch))
        self.bound[rows] = -torch.inf

    def run(self) -> np.ndarray:
        """Return the indices (k,) of the picks."""
        while len(self.picks) < self.k:
            level = self._next_level()
            self._update_bounds(level)
            active = self.bound >= level
            self._update_exact(active)
            self._pick_among(active.nonzero()[:, 0], level)
        return np.array(self.picks.indices, dtype=np.int64)

    def _next_level(self) -> float:
        """Choose the level of a round; 0 makes all patches active."""
        top = self.bound.max()
        if len(self.patches) * self.patches.dim <= self.sizes.all_active or float(top) < _TINY:
            return 0.0
        level = top * self.sizes.level
        if int((self.bound >= level).sum()) > self._max_active:
            # Raise the level to what fits, but keep it below the least that the largest distance
            # can be: otherwise a round might pick nothing.
            certain = top * (1 - 2 * self.picks.error)
            level = torch.minimum(self.bound.topk(self._max_active).values[-1], certain)
        return float(level)

    def _update_bounds(self, level: float) -> None:
        """Update the bounds that reach the level with the picks they have missed."""
        for first_missed, rows in self._outdated(self.bound >= level, self.bound_picks):
            missed = self.picks.upper_bounds(self.patches.take(rows), first_missed)
            self.bound[rows] = torch.minimum(self.bound[rows], missed)

    def _update_exact(self, active: Tensor) -> None:
        """Update the exact distances of the active patches with the picks they have missed."""
        for first_missed, rows in self._outdated(active, self.exact_picks):
            missed = self.picks.distances(self.patches.take(rows), first_missed)
            self.exact[rows] = torch.minimum(self.exact[rows], missed)

    def _outdated(self, selected: Tensor, picks_of: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield the selected patches that have missed picks, in batches that missed about the same.

        Afterwards they count as up to date.

        Args:
            selected: (N,) bool.
            picks_of: (N,) number of picks that each patch has been compared with.

        Yields:
            (index of the first missed pick, rows).
        """
        made = len(self.picks)
        rows = (selected & (picks_of < made)).nonzero()[:, 0]
        rows = rows[picks_of[rows].argsort(stable=True)]
        size = self.sizes.batch // max(self.patches.dim, made) + 1
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            yield int(picks_of[batch[0]]), batch
        picks_of[rows] = made

    def _pick_among(self, rows: Tensor, level: float) -> None:
        """Pick from the active `rows` as long as the farthest patch of all is certainly in them."""
        distances = self.exact[rows]
        self.bound[rows] = self.picks.round_up(distances)
        lowest, last_row = level, len(self.patches)
        if len(rows) > self._max_active:
            # Many near ties: use the first ones in the order of picking, and stop at the first
            # patch that is left out.
            order = distances.argsort(descending=True, stable=True)
            left_out = order[self._max_active]
            if distances[left_out] >= level:
                lowest, last_row = float(distances[left_out]), int(rows[left_out])
            used = order[: self._max_active].sort().values
            rows, distances = rows[used], distances[used]
        active = self.patches.take(rows).double()
        differences = torch.empty_like(active)
        while len(self.picks) < self.k and len(rows):
            count = self.sizes.speculative if lowest else _CERTAIN_PICKS
            count = min(count, self.k - len(self.picks), len(rows))
            # This loop does not wait for the device; the picks are read once, afterwards.
            history, places, farthest = [distances], [], []
            for _ in range(count):
                most, place = distances.max(0, keepdim=True)  # the first of equal ones
                torch.sub(active, active.index_select(0, place), out=differences)
                distances = torch.minimum(distances, differences.square_().sum(1))
                history.append(distances.index_fill_(0, place, -torch.inf))
                places.append(place)
                farthest.append(most)
            picked = torch.cat(places)
            indices = rows[picked].tolist()
            certain = 0
            for value, row in zip(torch.cat(farthest).tolist(), indices, strict=True):
                if value < lowest or (value == lowest and row > last_row):
                    break
                certain += 1
            self.picks.add(indices[:certain], active[picked[:certain]])
            if certain < count:
                distances = history[certain]
                break
        self.exact[rows] = distances
        self.bound[rows] = self.picks.round_up(distances)
        self.exact_picks[rows] = self.bound_picks[rows] = len(self.picks)

    @property
    def _max_active(self) -> int:
        return self.sizes.active // self.patches.dim + 1


class _Picks:
    """The picks so far; computes exact distances to them and upper bounds of distances.

    Bounds are |x|^2 + |c|^2 - 2xc in full float32, whose error is less than `error` times
    |x|^2 + |c|^2: D roundings in each square and in the product, and fewer than 16 elsewhere.
    For bounds, all patches are shifted so that the first pick is zero, which keeps squares small.
    """

    def __init__(self, k: int, origin: Tensor, pair_values: int) -> None:
        """Prepare for k picks.

        Args:
            k: number of picks.
            origin: (D,) float32, the patch that is shifted to zero.
            pair_values: values that are compared in float64 at a time.
        """
        dim = len(origin)
        self.indices: list[int] = []
        self.error = (2 * dim + 16) * 2.0**-24
        self._origin = origin
        self._pair_values = pair_values
        self._exact = origin.new_empty((k, dim), dtype=torch.float64)
        self._shifted = origin.new_empty((k, dim), dtype=torch.float32)
        self._squares = origin.new_empty(k, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, indices: Sequence[int], patches: Tensor) -> None:
        """Append picks: their indices and patches (n, D)."""
        places = slice(len(self), len(self) + len(indices))
        self.indices.extend(indices)
        self._exact[places] = patches.double()
        self._shifted[places] = self.shift(patches)
        self._squares[places] = self._shifted[places].square().sum(1)

    def shift(self, patches: Tensor) -> Tensor:
        """Return patches (n, D) float32 relative to the origin."""
        return patches - self._origin

    def round_up(self, values: Tensor) -> Tensor:
        """Return values (n,) in float32, raised so that they are upper bounds."""
        return values.float() * (1 + self.error)

    def squares(self, shifted: Tensor) -> Tensor:
        """Return upper bounds (n,) of |x|^2 for shifted patches (n, D)."""
        return self.round_up(shifted.square().sum(1))

    def upper_bounds(self, patches: Tensor, start: int) -> Tensor:
        """Return upper bounds (n,) of the distances of patches (n, D) to picks from `start` on."""
        shifted = self.shift(patches)
        return (self._less_squares(shifted, start).amin(1) + self.squares(shifted)).clamp_(min=0)

    def distances(self, patches: Tensor, start: int) -> Tensor:
        """Return the exact distances (n,) float64 of patches (n, D) to picks from `start` on.

        Only picks that may be the nearest are compared: those whose bound, less twice its error, is
        at most the least bound.
        """
        shifted = self.shift(patches)
        bounds = self._less_squares(shifted, start)
        highest = bounds.amin(1) + 2 * self.error * self.squares(shifted) + _TINY
        bounds -= 2 * self.error * self._squares[start : len(self)]
        distances = patches.new_full((len(patches),), torch.inf, dtype=torch.float64)
        pairs = (bounds <= highest[:, None]).nonzero()
        for part in pairs.split(self._pair_values // patches.shape[1] + 1):
            row, pick = part.unbind(1)
            difference = patches[row].double().sub_(self._exact[start + pick])
            distances.scatter_reduce_(0, row, difference.square_().sum(1), "amin")
        return distances

    def _less_squares(self, shifted: Tensor, start: int) -> Tensor:
        """Return upper bounds (n, m) of |c|^2 - 2xc: shifted patches x (n, D), m picks c."""
        made = slice(start, len(self))
        squares = self.round_up(self._squares[made])
        return torch.addmm(squares, shifted, self._shifted[made].T, alpha=-2)
