"""Readers by dataset name: those of installed packages, including the built-in ones."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator, Sequence

from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, UsageError
from ...system.entry_points import (
    DATASETS,
    describe,
    load_entry_point,
    providers,
    single_provider,
)
from ..reader import Reader
from ..reader_errors import is_builtin

AUTO = "auto"
"""In place of a dataset name: the first dataset that is found."""


def dataset_names() -> tuple[str, ...]:
    """The names of all readers, sorted. Some of the readers may fail to load."""
    return tuple(sorted(providers(DATASETS)))


@functools.cache
def load_reader(name: str) -> Reader:
    """The reader of a dataset.

    Raises:
        UsageError: no reader has this name.
        CadbenchError: the reader cannot be imported, is invalid, or several packages provide it.
    """
    points = providers(DATASETS).get(name, ())
    if not points:
        raise unknown_dataset_error(name)
    point = single_provider("dataset", name, points)
    reader_class = load_entry_point("dataset", point, "fix or uninstall the package")
    return _instantiate(describe("dataset", point), reader_class)


def unknown_dataset_error(name: str, more_names: Sequence[str] = ()) -> UsageError:
    """The error for a name without a reader.

    Args:
        name: the unknown name.
        more_names: names that would be accepted besides those of the readers.
    """
    known = list(dict.fromkeys([AUTO, *dataset_names(), *more_names]))
    if len(known) == 1:
        known.append("(none is installed: pip install cadbench again)")
    return UsageError(
        f"unknown dataset {name!r}{suggestion(name, known)}; there are: {', '.join(known)}; a "
        f"folder of your own: --dataset folder --data-root {name}, or "
        "named, --data-root NAME=FOLDER"
    )


def has_reader(name: str) -> bool:
    """Whether an installed package provides a reader of this name."""
    return name in providers(DATASETS)


def usable_readers() -> Iterator[tuple[str, Reader]]:
    """(name, reader) of every reader that loads: the built-in ones first, then by name."""
    found = []
    for name in dataset_names():
        with contextlib.suppress(CadbenchError):
            found.append((name, load_reader(name)))
    yield from sorted(found, key=lambda pair: (not is_builtin(pair[1]), pair[0]))


def published_categories(name: str) -> tuple[str, ...]:
    """The published categories of a dataset; empty if it may have any."""
    return load_reader(name).categories


def _instantiate(prefix: str, reader_class: object) -> Reader:
    """Check a reader class and create its object; `prefix` begins the error messages."""
    if not (isinstance(reader_class, type) and issubclass(reader_class, Reader)):
        raise CadbenchError(f"{prefix} is not a subclass of cadbench.Reader")
    if inspect.isabstract(reader_class):
        missing = ", ".join(sorted(reader_class.__abstractmethods__))
        raise CadbenchError(
            f"{prefix} is incomplete: {reader_class.__name__} does not define {missing}"
        )
    for attribute in ("title", "layout", "source"):
        value = getattr(reader_class, attribute)
        if not isinstance(value, str) or (not value and attribute != "source"):
            raise CadbenchError(f"{prefix}: {attribute} must be a non-empty string, not {value!r}")
    for attribute in ("categories", "folders"):
        value = getattr(reader_class, attribute)
        if isinstance(value, property):
            continue
        if not isinstance(value, tuple) or not all(isinstance(each, str) for each in value):
            raise CadbenchError(f"{prefix}: {attribute} must be a tuple of strings, not {value!r}")
    try:
        return reader_class()
    except Exception as error:
        raise CadbenchError(
            f"{prefix} cannot be created without arguments: {type(error).__name__}: {error}"
        ) from error
