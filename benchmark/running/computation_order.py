"""Order the cells of a run so that cells that can share cached work follow each other."""

from __future__ import annotations

from collections.abc import Sequence

from ..plugins.class_methods import sharing_rank
from .cell import Cell


def computation_order(cells: Sequence[Cell]) -> list[int]:
    """Return the indices of the cells in the order in which to compute them.

    Methods keep the order in which they first appear. The cells of one method are sorted by its
    `sharing_rank`, highest first; equal ranks keep their order.
    """
    methods = list(dict.fromkeys(cell.method for cell in cells))

    def key(index: int) -> tuple[int, float]:
        cell = cells[index]
        return methods.index(cell.method), -sharing_rank(
            cell.method, cell.method_class, cell.params
        )

    return sorted(range(len(cells)), key=key)
