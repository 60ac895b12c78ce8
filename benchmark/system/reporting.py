"""How long-running code tells what it is doing, without knowing where that is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol


class Task(Protocol):
    """One piece of work with a known length."""

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""


class Reporter(Protocol):
    """Receives progress and lines; the command line shows them, the library ignores them."""

    def task(
        self, description: str, total: int, unit: str
    ) -> contextlib.AbstractContextManager[Task]:
        """A piece of work of `total` units (`unit` is a plural noun such as `images`)."""

    def line(self, text: str) -> None:
        """One line that the user should see."""

    def detail(self, text: str) -> None:
        """One line that is shown only when more is asked for (`-v`)."""

    def warn(self, text: str) -> None:
        """One line about something odd that does not stop the work."""


def made_anew(reporter: Reporter) -> Callable[[Path], None]:
    """Say of a damaged cache file that it is not used; what it held is computed again."""
    return lambda path: reporter.warn(
        f"{path} in the cache is damaged (truncated or altered); what it held is made anew"
    )


class _SilentTask:
    def advance(self, amount: int = 1) -> None:
        pass


class Silent:
    """A reporter that shows nothing."""

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        yield _SilentTask()

    def line(self, text: str) -> None:
        pass

    def detail(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass
