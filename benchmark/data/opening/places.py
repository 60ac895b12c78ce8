"""Where datasets are looked for: `--data-root`, CADBENCH_DATA, and usual names below them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import UsageError
from ..entries import names_in
from ..reader import Reader
from .registry import blamed_on

DATA_VARIABLE = "CADBENCH_DATA"
_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9_-]*)=(?P<path>.+)")


@dataclass(frozen=True)
class DataRoots:
    """What `--data-root` said: roots of datasets by name, and one for those without."""

    named: tuple[tuple[str, Path], ...] = ()
    other: Path | None = None

    @classmethod
    def parse(cls, texts: Sequence[str]) -> DataRoots:
        """From `FOLDER` and `NAME=FOLDER`; a folder of such a name is meant where there is one."""
        named: dict[str, Path] = {}
        other: Path | None = None
        for text in texts:
            match = None if Path(text).exists() else _NAMED.fullmatch(text)
            if match is None and other is not None:
                raise UsageError(
                    f"--data-root {other} and {text}: write NAME=FOLDER where there are several"
                )
            if match is None:
                other = Path(text)
            elif match["name"] in named:
                raise UsageError(f"--data-root {match['name']}= is given twice")
            else:
                named[match["name"]] = Path(match["path"]).expanduser()
        return cls(tuple(named.items()), other)

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets that have a root of their own."""
        return tuple(name for name, _ in self.named)

    def of(self, name: str) -> Path | None:
        """What was said for this dataset: its own root, else the one for all."""
        return dict(self.named).get(name, self.other)

    def __str__(self) -> str:
        return ", ".join([f"{n}={p}" for n, p in self.named] + [str(self.other)] * bool(self.other))


def from_environment() -> Path | None:
    """The folder that CADBENCH_DATA names: a dataset, or the parent of several."""
    value = os.environ.get(DATA_VARIABLE)
    return Path(value).expanduser() if value else None


@dataclass(frozen=True)
class Found:
    """A dataset on disk: its root, the reader for it, and its categories that lie there."""

    reader: Reader
    root: Path
    categories: tuple[str, ...]


def find(name: str, reader: Reader, place: Path, *, mixed: bool = False) -> Found | None:
    """The dataset at a place, or in one of its usual folders there.

    A folder that holds other categories than the published ones too counts only where `mixed`
    says so.
    """
    for folder in (place, *_usual(reader, place)):
        found = found_at(name, reader, folder, mixed=mixed)
        if found is not None:
            return found
    return None


def found_at(name: str, reader: Reader, folder: Path, *, mixed: bool = False) -> Found | None:
    """The dataset whose root, or description, is this folder, if it is one."""
    with blamed_on(name, reader, "at"):
        reader, root = reader.at(folder)
    with blamed_on(name, reader, "categories_in"):
        there = sorted(reader.categories_in(root))
    known = reader.categories
    published = [category for category in there if not known or category in known]
    if published and (mixed or published == there):
        return Found(reader, root, tuple(published))
    return None


def _usual(reader: Reader, place: Path) -> Iterator[Path]:
    if not reader.folders:
        return
    names = names_in(place, folders=True)
    for usual in reader.folders:
        yield from (place / name for name in names if name.lower() == usual)
