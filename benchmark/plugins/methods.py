"""Methods by name: an entry point of an installed package, or `package.module:Class`.

Installed methods may form a family, `library:Model`: where one is installed, every name that begins
like it is read as one of the family, never as a module and a class.

A name is loaded when it is first asked for, so a broken plugin is an error of its own only.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from ...results.errors import CadbenchError, UsageError
from ..system.did_you_mean import suggestion
from ..system.entry_points import GROUP, offered
from ..system.plugin_import import called, imported, is_absent, the_only
from .requirements import refuse_unusable

if TYPE_CHECKING:
    from ..interface.method import Method

_MARK = ":"
"""In `package.module:Class`, and in the names of a family of installed methods."""

_by_reference: dict[str, type[Method]] = {}


def method_names() -> tuple[str, ...]:
    """The names of all installed methods, sorted."""
    return tuple(sorted(offered()))


def is_reference(name: str) -> bool:
    """Whether a method's name is the `package.module:Class` kind."""
    return _MARK in name and not _family(name)


def _family(name: str) -> tuple[str, ...]:
    """The installed methods whose names begin as this one does, up to its mark; mostly none."""
    library, mark, _ = name.partition(_MARK)
    return tuple(known for known in method_names() if mark and known.startswith(library + mark))


@functools.cache
def load_method(name: str) -> type[Method]:
    """The class behind a method's name: an installed method's, or `package.module:Class`.

    A class that is given as such is looked for where Python looks, then in the current folder.
    Raises `UsageError` for an unknown name, `CadbenchError` where a plugin cannot be used.
    """
    if is_reference(name):
        _by_reference[name] = _referred(name)
        return _by_reference[name]
    points = offered().get(name, ())
    if not points and (family := _family(name)):
        raise UsageError(f"no method {name!r}{_close(name, family)}; there are {', '.join(family)}")
    if not points:
        known = ", ".join(method_names()) or "none (is cadbench installed? pip install -e .)"
        raise UsageError(
            f"no method {name!r}{suggestion(name, offered())}; known: {known}; a class that is "
            "not installed is written package.module:Class"
        )
    point = the_only("method", name, points, "name the class itself, such as {value}")
    return _loaded(point, "mend or uninstall the package that offers it")


def method_at_hand(name: str) -> type[Method] | None:
    """The class behind the name in a record; None where it cannot be had.

    Reading a record runs no code that only the record names: `package.module:Class` is found
    where this process has loaded it already.
    """
    if is_reference(name):
        return _by_reference.get(name)
    try:
        return load_method(name)
    except CadbenchError:
        return None


def _close(name: str, family: tuple[str, ...]) -> str:
    """`suggestion` by what differs within the family: its library's name makes all look alike."""
    library, _, model = name.partition(_MARK)
    models = (known.partition(_MARK)[2] for known in family)
    return suggestion(model, models).replace("mean ", f"mean {library}{_MARK}")


def _referred(name: str) -> type[Method]:
    module, _, attribute = name.partition(_MARK)
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise UsageError(f"method {name!r}: write package.module:Class, such as my_method:MyMethod")
    # Last, so that a file here never stands in for a module that something else imports.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    return _loaded(EntryPoint(name, name, GROUP), "mend it, or name another class")


def _loaded(point: EntryPoint, remedy: str) -> type[Method]:
    try:
        loaded = imported("method", point, remedy)
    except CadbenchError as error:
        if point.name == point.value and is_absent(error.__cause__, point.module):
            raise UsageError(
                f"{called('method', point)}: no module {point.module!r} is installed or in the "
                "current folder"
            ) from error.__cause__
        raise
    refuse_unusable(called("method", point), loaded)
    method: type[Method] = loaded
    return method
