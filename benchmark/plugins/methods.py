"""Methods by name: the entry point of an installed package, or `package.module:Class`.

Names of installed methods may have the form `library:Model`. All methods with the same `library`
form a family; a name that begins like a family is never read as a module and a class.

A method is imported when its name is first used, so a broken plugin does not affect the others.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError, UsageError
from ..system.entry_points import (
    METHODS,
    describe,
    is_missing_module,
    load_entry_point,
    providers,
    single_provider,
)
from .requirements import check_declaration

if TYPE_CHECKING:
    from ..interface.method import Method

_COLON = ":"
"""Separator in `package.module:Class` and in `library:Model`."""

_by_reference: dict[str, type[Method]] = {}


def method_names() -> tuple[str, ...]:
    """The names of all installed methods, sorted."""
    return tuple(sorted(providers(METHODS)))


def is_reference(name: str) -> bool:
    """Whether a method's name has the form `package.module:Class`."""
    return _COLON in name and not _family(name)


@functools.cache
def load_method(name: str) -> type[Method]:
    """Import the class of a method.

    Args:
        name: an installed method's name, or `package.module:Class`. A module is searched for on
            Python's path first, then in the current folder.

    Raises:
        UsageError: there is no such method.
        CadbenchError: the method exists but cannot be imported or is declared incorrectly.
    """
    if is_reference(name):
        _by_reference[name] = _load_reference(name)
        return _by_reference[name]
    installed = providers(METHODS)
    points = installed.get(name, ())
    if not points and (family := _family(name)):
        raise UsageError(
            f"unknown method {name!r}{_suggestion_in_family(name, family)}; available: "
            f"{', '.join(family)}"
        )
    if not points:
        names = ", ".join(method_names()) or "none (is cadbench installed? pip install -e .)"
        raise UsageError(
            f"unknown method {name!r}{suggestion(name, installed)}; available: {names}; for a "
            "class that is not installed, write package.module:Class"
        )
    point = single_provider("method", name, points, "name the class itself, such as {value}")
    return _load(point, "fix or uninstall the package")


def method_of_record(name: str) -> type[Method] | None:
    """The class of a method that a record names, or None if it is not available.

    Reading a record must not run code that only the record names, so a `package.module:Class` is
    used only if this process has already loaded it.
    """
    if is_reference(name):
        return _by_reference.get(name)
    try:
        return load_method(name)
    except CadbenchError:
        return None


def _family(name: str) -> tuple[str, ...]:
    """The installed methods of the same library (the part before the colon); usually none."""
    library, colon, _ = name.partition(_COLON)
    return tuple(each for each in method_names() if colon and each.startswith(library + colon))


def _suggestion_in_family(name: str, family: tuple[str, ...]) -> str:
    """`suggestion`, comparing models only: with the library in front, all names look similar."""
    library, _, model = name.partition(_COLON)
    models = (each.partition(_COLON)[2] for each in family)
    return suggestion(model, models).replace("mean ", f"mean {library}{_COLON}")


def _load_reference(name: str) -> type[Method]:
    module, _, attribute = name.partition(_COLON)
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise UsageError(f"method {name!r}: write package.module:Class, such as my_method:MyMethod")
    # At the end, so that a file in the current folder never shadows an installed module.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    return _load(EntryPoint(name, name, METHODS), "fix the module, or choose another class")


def _load(point: EntryPoint, remedy: str) -> type[Method]:
    try:
        loaded = load_entry_point("method", point, remedy)
    except CadbenchError as error:
        if point.name == point.value and is_missing_module(error.__cause__, point.module):
            raise UsageError(
                f"{describe('method', point)}: module {point.module!r} is neither installed nor "
                "in the current folder"
            ) from error.__cause__
        raise
    check_declaration(describe("method", point), loaded)
    method: type[Method] = loaded
    return method
