"""Errors of a plugin's reader, attributed to it by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ...results.errors import CadbenchError
from ..system.plugin_errors import describe_error
from .reader import Reader


def is_builtin(reader: Reader) -> bool:
    """Whether a reader comes with cadbench."""
    return type(reader).__module__.startswith("cadbench.benchmark.")


@contextlib.contextmanager
def attribute_errors_to_reader(name: str, reader: Reader, call: str) -> Iterator[None]:
    """Turn an exception of a plugin's reader into a `CadbenchError` that names its dataset.

    Args:
        name: the dataset's name.
        reader: its reader. Exceptions of built-in readers pass unchanged.
        call: the reader's function that runs in the block, such as `entries`.

    Raises:
        CadbenchError: the block raised an exception. Cadbench's own errors pass unchanged.
    """
    try:
        yield
    except CadbenchError:
        raise
    except Exception as error:
        if is_builtin(reader):
            raise
        raise CadbenchError(
            f"dataset {name}: {call} raised {describe_error(error, type(reader))}; set "
            "CADBENCH_DEBUG=1 for the traceback"
        ) from error
