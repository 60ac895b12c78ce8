"""Datasets by name: the readers that installed packages offer, the built-in ones included."""

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
from ...system.plugin_errors import describe_error
from ..reader import Reader

AUTO = "auto"
"""In place of a name: whatever is found."""


def dataset_names() -> tuple[str, ...]:
    """The names of all readers that are offered, sorted; some may turn out to be broken."""
    return tuple(sorted(providers(DATASETS)))


@functools.cache
def load_reader(name: str) -> Reader:
    """The reader of this name; `UsageError` if unknown, `CadbenchError` where it cannot be used."""
    points = providers(DATASETS).get(name, ())
    if not points:
        raise unknown(name)
    point = single_provider("dataset", name, points)
    found = load_entry_point("dataset", point, "fix or uninstall the package")
    return _usable(describe("dataset", point), found)


def unknown(name: str, more: Sequence[str] = ()) -> UsageError:
    """The error for a name that nothing offers; more: names that mean something all the same."""
    known = list(dict.fromkeys([AUTO, *dataset_names(), *more]))
    if len(known) == 1:
        known.append("(none is installed: pip install cadbench again)")
    return UsageError(
        f"unknown dataset {name!r}{suggestion(name, known)}; there are: {', '.join(known)}; a "
        "folder of your own gets a name by --data-root NAME=FOLDER"
    )


def is_known(name: str) -> bool:
    """Whether a package offers a dataset of this name."""
    return name in providers(DATASETS)


def usable_readers() -> Iterator[tuple[str, Reader]]:
    """The readers that can be loaded with their names: those of cadbench first, then by name."""
    found = []
    for name in dataset_names():
        with contextlib.suppress(CadbenchError):
            found.append((name, load_reader(name)))
    yield from sorted(found, key=lambda pair: (not is_builtin(pair[1]), pair[0]))


def is_builtin(reader: Reader) -> bool:
    """Whether a reader comes with cadbench."""
    return type(reader).__module__.startswith("cadbench.benchmark.")


def published_categories(name: str) -> tuple[str, ...]:
    """The categories that a dataset is known to have; none where any may be there."""
    return load_reader(name).categories


@contextlib.contextmanager
def blamed_on(name: str, reader: Reader, doing: str) -> Iterator[None]:
    """Turn what a reader raises into one line that names its dataset; `doing` is the call."""
    try:
        yield
    except CadbenchError:
        raise
    except Exception as error:
        if is_builtin(reader):
            raise
        raise CadbenchError(
            f"dataset {name}: {doing} raised {describe_error(error, type(reader))}; set "
            "CADBENCH_DEBUG=1 for the traceback"
        ) from error


def _usable(begin: str, found: object) -> Reader:
    if not (isinstance(found, type) and issubclass(found, Reader)):
        raise CadbenchError(f"{begin} is not a subclass of cadbench.Reader")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise CadbenchError(f"{begin} is unfinished: {found.__name__} does not define {missing}")
    for attribute in ("title", "layout", "source"):
        value = getattr(found, attribute)
        if not isinstance(value, str) or (not value and attribute != "source"):
            raise CadbenchError(f"{begin}: its {attribute} is a text, not {value!r}")
    for attribute in ("categories", "folders"):
        value = getattr(found, attribute)
        if isinstance(value, property):
            continue
        if not isinstance(value, tuple) or not all(isinstance(each, str) for each in value):
            raise CadbenchError(f"{begin}: its {attribute} are a tuple of texts, not {value!r}")
    try:
        return found()
    except Exception as error:
        raise CadbenchError(f"{begin}: it cannot be made without arguments: {error}") from error
