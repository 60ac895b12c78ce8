"""What installed packages offer in `cadbench.methods` and the like, whatever else is broken."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator
from importlib.metadata import EntryPoint

GROUP = "cadbench.methods"
DATASETS = "cadbench.datasets"


@functools.cache
def offered(group: str = GROUP) -> dict[str, tuple[EntryPoint, ...]]:
    """The entry points of each name of the group: one, unless packages compete for it.

    Packages that name the same class agree, and count as one.
    """
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in _entry_points(group):
        found.setdefault(point.name, {}).setdefault(point.value, point)
    return {name: tuple(points.values()) for name, points in found.items()}


def package_of(point: EntryPoint) -> str:
    """The name and version of the package that offers it, as pip calls it."""
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "an unknown package"


def _entry_points(group: str) -> list[EntryPoint]:
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # one file that is no entry_points.txt, of any package, spoils them all
        return list(_of_readable_packages(group))


def _of_readable_packages(group: str) -> Iterator[EntryPoint]:
    met = set()
    for dist in importlib.metadata.distributions():
        try:
            if dist.name not in met:
                yield from dist.entry_points.select(group=group)
            met.add(dist.name)
        except Exception:  # what it offers cannot even be named
            continue
