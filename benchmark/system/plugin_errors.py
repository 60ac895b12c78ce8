"""A method's own failures, told as its own: what it was doing, what was raised, and where."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from ...results.errors import CadbenchError


@contextlib.contextmanager
def blamed_on(name: str, method: type, doing: str) -> Iterator[None]:
    """Turn what a method raises into one line that names it; `doing` is the call, `observe`.

    Errors of cadbench's own family pass as they are.
    """
    try:
        yield
    except CadbenchError:
        raise
    except Exception as error:
        raise CadbenchError(
            f"method {name}: {doing} raised {described(error, method)}; CADBENCH_DEBUG=1 shows "
            f"how it came there, and `cadbench check {name}` finds more"
        ) from error


def described(error: BaseException, plugin: type) -> str:
    """`TypeError: message (mine.py, line 12)`: the last line that ran in the plugin's own file."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    home = getattr(sys.modules.get(plugin.__module__), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == home] or frames
    return f"{said} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else said
