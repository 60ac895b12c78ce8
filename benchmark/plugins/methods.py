"""Methods by name: the entry point of an installed package, or `package.module:Class`.

A trained detector has continual strategies, `package.module:Class+STRATEGY`.

Names of installed methods may have the form `library:Model`. All methods with the same `library`
form a family; a name that begins like a family is never read as a module and a class.

A method is imported when its name is first used, so a broken plugin does not affect the others.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

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

_reference_folder: Path | None = None


def method_names() -> tuple[str, ...]:
    """The names of all installed methods, sorted."""
    return tuple(sorted(providers(METHODS)))


def is_reference(name: str) -> bool:
    """Whether a method's name has the form `package.module:Class`."""
    return _COLON in name and not _family(name)


def set_reference_folder(folder: Path) -> None:
    """Look up `package.module:Class` in `folder` instead of the current folder of this process."""
    global _reference_folder
    _reference_folder = folder


@functools.cache
def load_method(name: str) -> type[Method]:
    """Import the class of a method.

    Args:
        name: an installed method's name, `package.module:Class`, or for a trained detector
            `package.module:Class+STRATEGY`. A module in the current folder takes precedence over an
            installed one.

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
        detector = name.partition("+")[0]
        shown = [
            each if "+" not in each or each.startswith(f"{detector}+") else f"{family}+STRATEGY"
            for each in method_names()
            for family in [each.partition("+")[0]]
        ]
        names = ", ".join(dict.fromkeys(shown)) or "none (is cadbench installed? pip install -e .)"
        raise UsageError(
            f"unknown method {name!r}{suggestion(name, installed)}; available: {names}; for a "
            "class that is not installed, write package.module:Class"
        )
    point = single_provider("method", name, points, "name the class itself, such as {value}")
    return _load(point, "fix or uninstall the package")


def name_of_class(method: type[Any]) -> str:
    """Return the name under which a method class is run: its installed name, or `module:Class`.

    Raises:
        UsageError: worker processes and later sessions could not import the class.
    """
    target = f"{method.__module__}:{method.__qualname__}"
    for name, points in providers(METHODS).items():
        if any(point.value == target for point in points):
            return name
    if method.__module__ == "__main__" or "." in method.__qualname__:
        raise UsageError(
            f"{method.__qualname__} cannot be imported by its name: define the class at the top "
            "level of a module, such as my_method.py, and pass my_method.Class or "
            "'my_method:Class'"
        )
    if load_method(target) is not method:
        raise UsageError(f"{target} is another class now; reload the module and pass its class")
    return target


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
    reference, plus, strategy = name.partition("+")
    module, _, attribute = reference.partition(_COLON)
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise UsageError(f"method {name!r}: write package.module:Class, such as my_method:MyMethod")
    folder = _reference_folder or Path.cwd()
    # Modules that the class imports: at the end, so that a file in the current folder never shadows
    # an installed module.
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()
    point = EntryPoint(reference, reference, METHODS)
    with _preferring(folder, module):
        method = _load(point, "fix the module, or choose another class")
    return _with_strategy(name, method, strategy) if plus else method


def _with_strategy(name: str, method: type[Method], strategy: str) -> type[Method]:
    target = getattr(method, "strategies", None)
    if target is None:
        raise UsageError(
            f"method {name!r}: {method.__name__} has no continual strategies, since it is no "
            "subclass of cadbench.methods.trained.detector.TrainedDetector"
        )
    combine: Any = EntryPoint("strategies", target, METHODS).load()
    combined: type[Method] = combine(method, strategy)
    return combined


class _FolderFinder(MetaPathFinder):
    """Finds one top-level module or package in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [str(self.folder)]) if fullname == self.name else None


@contextlib.contextmanager
def _preferring(folder: Path, module: str) -> Iterator[None]:
    """Import the top-level package of `module` from `folder` if the module's file is there.

    Names such as `methods` or `tests` are common: another distribution may have installed a package
    of that name, and the console script does not put the current folder first, as `python -m` does.
    """
    file = folder.joinpath(*module.split("."))
    if not (file.with_suffix(".py").is_file() or (file / "__init__.py").is_file()):
        yield
        return
    finder = _FolderFinder(folder, module.partition(".")[0])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


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
