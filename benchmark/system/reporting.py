"""Progress and messages of long-running code, independent of how they are displayed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

Kind: TypeAlias = tuple[str, str]
"""Units of equal kinds cost about the same, such as the cells of a method with equal parameters.

The first word is broader: kinds that share it cost more similar amounts than others.
"""


class Task(Protocol):
    """A piece of work with a known number of units."""

    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        """Report that more units are done.

        Args:
            amount: number of units.
            kind: the kind of the unit, for tasks that were given kinds.
            seconds: duration of the unit; 0 if its result existed already. None: the time since
                the last unit.
        """


class Reporter(Protocol):
    """Receives progress and messages. The command line shows them; the library ignores them."""

    def task(
        self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()
    ) -> contextlib.AbstractContextManager[Task]:
        """Show the progress of a piece of work while the returned context is open.

        Args:
            description: what is done, such as `reading images`.
            total: number of units.
            unit: plural noun, such as `images`.
            kinds: the kind of each unit, from which the time left is estimated.
        """

    def line(self, text: str) -> None:
        """Show a line to the user."""

    def detail(self, text: str) -> None:
        """Show a line to users who want more detail (`-v`)."""

    def warn(self, text: str) -> None:
        """Show a warning: something is wrong, but the work continues."""


def damaged_cache_warning(reporter: Reporter) -> Callable[[Path], None]:
    """A function that warns that a cache file is damaged and its content computed again."""
    return lambda path: reporter.warn(
        f"the cache file {path} is damaged (truncated or altered); computing its content again"
    )


class _SilentTask:
    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        pass


class Silent:
    """A reporter that shows nothing."""

    @contextlib.contextmanager
    def task(
        self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()
    ) -> Iterator[Task]:
        yield _SilentTask()

    def line(self, text: str) -> None:
        pass

    def detail(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass
