"""Methods by name: the entry-point group `cadbench.methods`, loaded when first asked for."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import TYPE_CHECKING

from benchmark.suggest import suggestion
from results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from benchmark.method import Method

GROUP = "cadbench.methods"


@functools.cache
def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


def method_names() -> tuple[str, ...]:
    """The names of all installed methods, sorted."""
    return tuple(sorted(_entry_points()))


@functools.cache
def load_method(name: str) -> type[Method]:
    """The class behind a method's name.

    Raises `UsageError` for an unknown name, `CadbenchError` where a plugin cannot be imported.
    """
    from benchmark.method import Method

    point = _entry_points().get(name)
    if point is None:
        known = ", ".join(method_names()) or "none (is cadbench installed? pip install -e .)"
        raise UsageError(f"no method {name!r}{suggestion(name, _entry_points())}; known: {known}")
    try:
        loaded = point.load()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CadbenchError(
            f"method {name!r} ({point.value}) cannot be imported: {reason}; mend or uninstall the "
            "package that offers it"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Method)):
        raise CadbenchError(f"method {name!r} ({point.value}) is not a subclass of cadbench.Method")
    return loaded
