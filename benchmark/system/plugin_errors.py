"""Errors raised inside a plugin's code, reported as the plugin's with its file and line."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from ...results.errors import CadbenchError


@contextlib.contextmanager
def attribute_errors_to(name: str, method: type, call: str) -> Iterator[None]:
    """Turn an exception raised in the block into a `CadbenchError` that names the method.

    Args:
        name: the method's name.
        method: its class.
        call: the method's function that runs in the block, such as `observe`.

    Raises:
        CadbenchError: the block raised an exception. Cadbench's own errors pass unchanged.
    """
    try:
        yield
    except CadbenchError:
        raise
    except Exception as error:
        raise CadbenchError(
            f"method {name}: {call} raised {describe_error(error, method)}; set CADBENCH_DEBUG=1 "
            f"for the traceback, or run `cadbench check {name}`"
        ) from error


def describe_error(error: BaseException, plugin: type) -> str:
    """One line such as `TypeError: message (mine.py, line 12)`.

    The location is the last line executed in the file that defines `plugin`, or, if there is none,
    the line that raised.
    """
    message = " ".join(f"{type(error).__name__}: {error}".split())
    file = getattr(sys.modules.get(plugin.__module__), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file] or frames
    if not own:
        return message
    return f"{message} ({Path(own[-1].filename).name}, line {own[-1].lineno})"
