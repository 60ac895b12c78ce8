"""The interface of readers: how a dataset is laid out on disk, and what its files are.

A reader is a subclass of `cadbench.Reader` that an installed package offers through the entry-point
group `cadbench.datasets`. It opens lists, but never images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ...results.counts import format_count
from .catalog import Counts
from .entries import Entry
from .notes.left_out import LeftOut

if TYPE_CHECKING:
    from .images.image_facts import ImageFacts
    from .roots import Root

AutoRule = Literal["described", "default", "recognized", "folder", "generated"]
"""When `--dataset auto` chooses a dataset; the rules are tried in this order.

- described: the given folder has a description file.
- default: the dataset is found in or below the given folder (or ./data).
- recognized: the given folder is this published dataset.
- folder: the given folder has any categories.
- generated: always; the dataset needs no folder.
"""


class Reader(ABC):
    """The layout of a dataset. Created without arguments.

    Attributes:
        title: what people call the dataset.
        source: where to get it, for messages.
        download_command: the cadbench command that downloads it, if there is one.
        layout: what its root folder contains, in one line.
        categories: the published categories; empty if there may be any.
        counts: published image counts by category.
        folders: usual names of its root folder, in lower case.
        labeled_masks: whether masks hold numbers of labels by definition, so that several values in
            a mask are no reason for a warning.
    """

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    download_command: ClassVar[str] = ""
    layout: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()
    counts: ClassVar[Mapping[str, Counts]] = {}
    folders: ClassVar[tuple[str, ...]] = ()
    labeled_masks: ClassVar[bool] = False

    @abstractmethod
    def categories_in(self, root: Path) -> list[str]:
        """The categories in `root`, sorted; empty if it does not exist or has another layout."""

    @abstractmethod
    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        """List every image of some categories.

        Args:
            root: the dataset's folder.
            categories: names that `categories_in` returned.

        Raises:
            DataError: a list cannot be read, a mask has no image, and the like.
        """

    def left_out(
        self, root: Path, categories: Sequence[str], entries: Sequence[Entry]
    ) -> list[LeftOut]:
        """Files that seem to belong to the dataset but are in none of its entries.

        Args:
            root: the dataset's folder.
            categories: the categories that were requested.
            entries: what `entries` returned for them.
        """
        return []

    def not_found_message(self, root: Path) -> str:
        """The error message for a root without any category."""
        return f"no {self.title} in {root}: expected {self.layout}"

    def resolve(self, place: Path) -> tuple[Reader, Path]:
        """The reader and the root folder for a path that the user gave."""
        return self, place

    def own_name(self, root: Path) -> str | None:
        """The name that the data give themselves; None to use the name of the entry point."""
        return None

    def provide(self, cache: Path) -> Path | None:
        """The root of a generated dataset in the cache folder, which exists afterwards.

        Only for the rule "generated"; all others return None.
        """
        return None

    def lazy_root(self, root: Path) -> Root:
        """The root that generates files when they are first read; otherwise `root` itself."""
        return root

    def known_facts(self, entries: Sequence[Entry]) -> Mapping[str, ImageFacts]:
        """What is known about files without decoding them: by path, of images and masks."""
        return {}

    def auto_rule(self, place: Path | None) -> AutoRule:
        """When `--dataset auto` chooses this dataset; `place` is the folder that the user gave."""
        return "recognized"

    def announcement(self, name: str, root: Path, found: Sequence[str]) -> str:
        """The line that is printed when the dataset is opened."""
        total = format_count(len(self.categories or found), "category")
        count = f"{len(found)} of {total}" if self.categories else total
        return f"dataset: {self.title}, {count}, in {root}"
