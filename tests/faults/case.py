"""A case of the campaign of bad input: words, and what is to lie in the folder `tree` for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.option_values import UP
from tests.faults.option_words import commands

TREE = f"{UP}/tree"


def _nothing(_: Path) -> None:
    pass


@dataclass(frozen=True)
class Case:
    """prepare: makes the folder; told: what it makes, for the report."""

    words: tuple[str, ...]
    prepare: Callable[[Path], None] = _nothing
    told: str = ""

    @property
    def command(self) -> str:
        """`table`, or `data info`."""
        two = " ".join(self.words[:2])
        return two if two in commands() else self.words[0]

    @property
    def shown(self) -> str:
        """The words, and what was prepared."""
        words = [word if len(word) < 60 else f"{word[:40]}...({len(word)})" for word in self.words]
        return f"{' '.join(map(ascii, words))} {self.told}"
