"""The reader interface: how a dataset lies on disk, and what its files are.

A reader is a class derived from `cadbench.Reader`, found through the entry-point group
`cadbench.datasets` of any installed package. It opens lists, never images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from ..system.reporting import Reporter
from .catalog import Counts
from .entries import Entry

Automatic = Literal["described", "default", "recognized", "folder", "drawn"]
"""When `--dataset auto` takes a dataset, the first that fits: a folder that describes itself; the
default where it is found; what the named folder is recognized as; a folder; one that is drawn."""


class Reader(ABC):
    """A dataset's layout. A new object is made for each use, without arguments.

    title: what people call the dataset; source: where to get it, for messages; fetched_by: the
    command that gets it, if one does; layout: what its root holds, in a line; categories: those
    that were published, none where any may be there; counts: images of the published categories;
    folders: the names that its root usually has below a folder of datasets, in small letters.
    """

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    fetched_by: ClassVar[str] = ""
    layout: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()
    counts: ClassVar[Mapping[str, Counts]] = {}
    folders: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def categories_in(self, root: Path) -> list[str]:
        """The categories below `root`, sorted; none where it is absent or of another layout."""

    @abstractmethod
    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        """Every image of these categories, which `categories_in` has named.

        `DataError` for lists that cannot be read, masks without an image and the like.
        """

    def nothing_in(self, root: Path) -> str:
        """The message for a root that holds no category."""
        return f"no {self.title} in {root}: expected {self.layout}"

    def at(self, place: Path) -> tuple[Reader, Path]:
        """The reader and the root for a place that the user named."""
        return self, place

    def own_name(self, root: Path) -> str | None:
        """A name that the data give themselves; None for the one that the reader is offered by."""
        return None

    def provide(self, cache: Path, reporter: Reporter) -> Path | None:
        """The root of a dataset that needs no folder of the user's; None for all others."""
        return None

    def automatic(self, place: Path | None) -> Automatic:
        """When `--dataset auto` takes it, `place` being what the user named."""
        return "recognized"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        """What is said when it is opened."""
        of = f" of {len(self.categories)}" if self.categories else ""
        return f"dataset: {self.title}, {len(found)}{of} categories, in {root}"
