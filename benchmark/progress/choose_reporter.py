"""Choose how progress is shown: a bar in a notebook, bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys

from ..system.reporting import Reporter
from .lines import Lines, Quiet
from .notebook import NotebookBars, is_notebook


def choose_reporter(verbosity: int = 0) -> Reporter:
    """Choose the reporter for this process.

    Args:
        verbosity: -1 shows warnings only (`-q`), 0 is the default, 1 shows details too (`-v`).
    """
    if verbosity < 0:
        return Quiet()
    if is_notebook():
        return NotebookBars(verbosity)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        from .bars import Bars

        return Bars(verbosity, Console(stderr=True))
    return Lines(verbosity)
