"""Plugins of installed packages: listing the entry points of a group, and loading one of them.

A broken plugin gives one error that names it, and only where that plugin is used.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from typing import Any

from ...results.errors import CadbenchError
from .plugin_errors import describe_error

METHODS = "cadbench.methods"
DATASETS = "cadbench.datasets"


@functools.cache
def providers(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points of a group by name: several for one name if packages conflict.

    Packages that give the same class under a name do not conflict and count once.
    """
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in _entry_points(group):
        found.setdefault(point.name, {}).setdefault(point.value, point)
    return {name: tuple(points.values()) for name, points in found.items()}


def package_of(point: EntryPoint) -> str:
    """Name and version of the package that provides an entry point."""
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "an unknown package"


def describe(noun: str, point: EntryPoint) -> str:
    """The start of an error message about a plugin, such as `method 'mine' (my_module:Mine)`."""
    target = "" if point.name == point.value else f" ({point.value})"
    return f"{noun} {point.name!r}{target}"


def single_provider(
    noun: str, name: str, points: Sequence[EntryPoint], alternative: str = ""
) -> EntryPoint:
    """The only entry point of a name.

    Args:
        noun: what the group holds, such as `method`, for the error message.
        name: the entry points' name.
        points: `providers(group)[name]`.
        alternative: what the user can do instead of uninstalling a package; `{value}` is replaced
            by the target of one of the entry points.

    Raises:
        CadbenchError: several packages provide the name; the message lists them.
    """
    if len(points) > 1:
        rivals = " and ".join(f"{package_of(point)} ({point.value})" for point in points)
        more = f", or {alternative.format(value=points[-1].value)}" if alternative else ""
        raise CadbenchError(f"{noun} {name!r} is provided by {rivals}; uninstall one of them{more}")
    return points[0]


def load_entry_point(noun: str, point: EntryPoint, remedy: str) -> Any:
    """Import the object that an entry point refers to.

    Args:
        noun: what the group holds, such as `method`, for the error message.
        point: the entry point.
        remedy: the last part of the error message: what the user should do.

    Raises:
        CadbenchError: the import failed; the message gives the reason.
    """
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the module may be a script that calls sys.exit
        reason = describe_error(error)
        if isinstance(error, AttributeError) and point.module in sys.modules:
            # Python may have imported another file with the same module name.
            reason += f" (read from {getattr(sys.modules[point.module], '__file__', 'Python')})"
        raise CadbenchError(
            f"{describe(noun, point)} cannot be imported: {reason}; {remedy}"
        ) from error


def is_missing_module(error: BaseException | None, module: str) -> bool:
    """Whether an import failed because `module` does not exist, not because of one it imports."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _entry_points(group: str) -> list[EntryPoint]:
    try:
        return list(importlib.metadata.entry_points(group=group))
    except Exception:  # an invalid entry_points.txt of any installed package makes this fail
        return list(_entry_points_by_package(group))


def _entry_points_by_package(group: str) -> Iterator[EntryPoint]:
    seen = set()
    for dist in importlib.metadata.distributions():
        try:
            if dist.name not in seen:
                yield from dist.entry_points.select(group=group)
            seen.add(dist.name)
        except Exception:  # this package's metadata cannot be read
            continue
