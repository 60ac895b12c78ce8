"""What installed packages offer in the group `cadbench.methods`, whatever is wrong with others."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator
from importlib.metadata import EntryPoint

GROUP = "cadbench.methods"


@functools.cache
def offered() -> dict[str, tuple[EntryPoint, ...]]:
    """The entry points of each method's name: one, unless packages compete for it.

    Packages that name the same class agree, and count as one.
    """
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in _entry_points():
        found.setdefault(point.name, {}).setdefault(point.value, point)
    return {name: tuple(points.values()) for name, points in found.items()}


def package_of(point: EntryPoint) -> str:
    """The name and version of the package that offers it, as pip calls it."""
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "an unknown package"


def _entry_points() -> list[EntryPoint]:
    try:
        return list(importlib.metadata.entry_points(group=GROUP))
    except Exception:  # one file that is no entry_points.txt, of any package, spoils them all
        return list(_of_readable_packages())


def _of_readable_packages() -> Iterator[EntryPoint]:
    met = set()
    for dist in importlib.metadata.distributions():
        try:
            if dist.name not in met:
                yield from dist.entry_points.select(group=GROUP)
            met.add(dist.name)
        except Exception:  # its methods cannot even be named
            continue
