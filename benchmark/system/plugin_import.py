"""One name among those that installed packages offer, imported with care: see `entry_points`.

Whatever is wrong with a plugin is one line that names it, and an error of its own only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any

from ...results.errors import CadbenchError
from .entry_points import package_of


def the_only(noun: str, name: str, points: Sequence[EntryPoint], otherwise: str = "") -> EntryPoint:
    """The one entry point of a name; `CadbenchError` naming the packages that compete for it.

    otherwise: what else can be done, where `{value}` stands for the target of one of them.
    """
    if len(points) > 1:
        rivals = " and ".join(f"{package_of(point)} ({point.value})" for point in points)
        more = f", or {otherwise.format(value=points[-1].value)}" if otherwise else ""
        raise CadbenchError(f"{noun} {name!r} is offered by {rivals}; uninstall one of them{more}")
    return points[0]


def imported(noun: str, point: EntryPoint, remedy: str) -> Any:
    """What the entry point names; `CadbenchError` with the reason where it cannot be imported."""
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # a module may be a script that ends the process
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        if isinstance(error, AttributeError) and point.module in sys.modules:
            # Another file of that name may have been found first.
            reason += f" (read from {getattr(sys.modules[point.module], '__file__', 'Python')})"
        raise CadbenchError(
            f"{called(noun, point)} cannot be imported: {reason}; {remedy}"
        ) from error


def called(noun: str, point: EntryPoint) -> str:
    """`method 'mine' (my_module:Mine)`: how messages begin."""
    target = "" if point.name == point.value else f" ({point.value})"
    return f"{noun} {point.name!r}{target}"


def is_absent(error: BaseException | None, module: str) -> bool:
    """Whether it is the module itself that is not there, not one that it imports."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and f"{module}.".startswith(f"{missing}.")
