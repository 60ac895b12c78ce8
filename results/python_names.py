"""Name arguments of Python instead of options in messages: `orders` for `--order`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar

from .errors import CadbenchError

_RENAMED = {"method": "methods", "set": "methods", "experts": "methods", "order": "orders"}
_OPTION = re.compile(r"`[^`]*`|--([a-z][a-z-]+)")
"""An option; those inside a command, which is in backticks, stay."""

options_are_named: ContextVar[bool] = ContextVar("options_are_named", default=False)
"""Whether the command line runs, whose users know the options."""


@contextlib.contextmanager
def python_names() -> Iterator[None]:
    """Name arguments of Python instead of options in the errors that pass."""
    try:
        yield
    except CadbenchError as error:
        if not options_are_named.get():
            error.args = (_OPTION.sub(_python_name, str(error)), *error.args[1:])
        raise


def _python_name(found: re.Match[str]) -> str:
    option = found[1]
    return found[0] if option is None else _RENAMED.get(option, option.replace("-", "_"))
