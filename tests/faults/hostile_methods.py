"""Methods that do what no method should while they learn."""

from __future__ import annotations

import os
from typing import Any

from cadbench.methods.banks.finetune import FineTune


class _Unreadable(BaseException):
    def __str__(self) -> str:
        raise ValueError("no text")


class Exits(FineTune):
    """Ends the program, as if all were well."""

    def observe(self, experience: Any) -> None:
        raise SystemExit(0)


class Interrupts(FineTune):
    """Raises what a user's Ctrl-C raises."""

    def observe(self, experience: Any) -> None:
        raise KeyboardInterrupt


class Unreadable(FineTune):
    """Raises an exception without a text that is not derived from `Exception`."""

    def observe(self, experience: Any) -> None:
        raise _Unreadable


class BreaksPipe(FineTune):
    """Raises what a closed pipe raises."""

    def observe(self, experience: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")


class Recurses(FineTune):
    """Calls itself without end."""

    def observe(self, experience: Any) -> None:
        self.observe(experience)


class Moves(FineTune):
    """Changes the current folder and the environment, and learns as it should."""

    def observe(self, experience: Any) -> None:
        os.chdir("/")
        os.environ["CADBENCH_CACHE"] = "/nowhere"
        super().observe(experience)


FAILING = (Exits, Interrupts, Unreadable, BreaksPipe, Recurses)
