"""One comparison of an audit: how many values were compared, and which differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...results.counts import format_count

Result = Literal["agrees", "differs", "not audited"]

_NAMED = 3
"""Number of differences that a note describes."""


@dataclass(frozen=True)
class Check:
    """What was compared, and what differs.

    Attributes:
        name: what was compared.
        compared: number of values.
        differences: one line per value that differs.
        largest: the largest difference, also where all agree; None if it is not a number.
        skipped: why it was not audited; empty if it was.
    """

    name: str
    compared: int = 0
    differences: tuple[str, ...] = ()
    largest: float | None = None
    skipped: str = ""

    @property
    def result(self) -> Result:
        if self.skipped:
            return "not audited"
        return "differs" if self.differences else "agrees"

    @property
    def note(self) -> str:
        """The first differences, or why it was not audited; empty if all agree."""
        if self.skipped:
            return f"{self.name}: not audited: {self.skipped}"
        if not self.differences:
            return ""
        first = "; ".join(self.differences[:_NAMED])
        more = len(self.differences) - _NAMED
        return f"{self.name}: {first}" + (f"; and {more} more" if more > 0 else "")

    @property
    def summary(self) -> str:
        """Such as `3 of 120 scores differ`."""
        if not self.compared:
            return f"{self.name} differ"
        return f"{self.name} ({len(self.differences)} of {self.compared} differ)"


def skip(name: str, reason: object) -> Check:
    """A check that was not made."""
    return Check(name, skipped=str(reason))


def describe_sizes(checks: Sequence[Check]) -> str:
    """Such as `240 scores, 84 metrics`: what was compared."""
    return ", ".join(
        f"{each.compared:,} {each.name}" if each.compared != 1 else format_count(1, each.name)
        for each in checks
        if not each.skipped and each.compared
    )
