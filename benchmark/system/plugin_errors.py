"""Errors raised inside a plugin's code, reported as the plugin's with its file and line."""

from __future__ import annotations

import contextlib
import opcode
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from ...results.errors import CadbenchError, DataError, UsageError
from ...results.storage.files import read_error
from .cache import cache_root

_MAX_MESSAGE = 1000
"""Characters of a plugin's message that are shown."""


class PluginMistake(CadbenchError):
    """Something that a plugin did wrong; `attribute_errors_to` puts the plugin's name before it."""


@contextlib.contextmanager
def attribute_errors_to(name: str, method: type, call: str) -> Iterator[None]:
    """Turn any exception of the block into a `CadbenchError` that names the method.

    This includes `SystemExit` and other exceptions that end a program, so that a method cannot end
    the run silently. Only an interrupt by the user passes unchanged.

    Args:
        name: the method's name.
        method: its class.
        call: the method's function that runs in the block, such as `observe`.

    Raises:
        CadbenchError: the block raised an exception. Errors of cadbench itself, such as a full
            disk's, pass unchanged.
    """
    try:
        yield
    except PluginMistake as error:
        raise CadbenchError(f"method {name}: {error}") from error.__cause__
    except CadbenchError as error:
        own = type(error) in (CadbenchError, DataError, UsageError) and _raised_in(error, method)
        if own and name not in str(error):
            raise type(error)(f"method {name}: {error}") from error.__cause__
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not _raised_explicitly(error):
            raise
        if isinstance(error, OSError) and (path := _cache_file(error)):
            raise read_error(error, path) from error
        readable = _has_readable_text(error)
        raise CadbenchError(
            f"method {name}: {call} raised {describe_error(error, method)}; set CADBENCH_DEBUG=1 "
            f"for the traceback, or run `cadbench check {name}`"
        ) from (error if readable else None)


def describe_error(error: BaseException, plugin: type | None = None) -> str:
    """One line such as `TypeError: message (mine.py, line 12)`.

    The location is the last line executed in the file that defines `plugin`, or, if there is none,
    the line that raised. Without a plugin no location is given.
    """
    text = str(error) if _has_readable_text(error) else "(its message cannot be read)"
    message = " ".join(f"{type(error).__name__}: {text}".split()).removesuffix(":")
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]}..."
    if plugin is None:
        return message
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == _file_of(plugin)] or frames
    if not own:
        return message
    return f"{message} ({Path(own[-1].filename).name}, line {own[-1].lineno})"


def _cache_file(error: OSError) -> Path | None:
    """The cache file that an error names; such an error is not the plugin's fault."""
    if not isinstance(error.filename, str | os.PathLike):
        return None
    path = Path(error.filename)
    return path if path.absolute().is_relative_to(cache_root()) else None


def _file_of(plugin: type) -> str | None:
    return getattr(sys.modules.get(plugin.__module__), "__file__", None)


def _raised_in(error: BaseException, plugin: type) -> bool:
    """Whether an error was raised in the file that defines the plugin."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == _file_of(plugin)


def _raised_explicitly(error: BaseException) -> bool:
    """Whether a `raise` statement raised an exception, and not a signal handler."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return False
    code = last.tb_frame.f_code.co_code
    return opcode.opname[code[last.tb_lasti]] == "RAISE_VARARGS"


def _has_readable_text(error: BaseException) -> bool:
    """Whether `str(error)` works; a plugin's exception may define it."""
    try:
        return isinstance(str(error), str)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return False
