"""Where datasets are searched: `--data-root`, CADBENCH_DATA, and usual folder names below them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import UsageError
from ..folders import names_in
from ..reader import Reader
from ..reader_errors import attribute_errors_to_reader

DATA_VARIABLE = "CADBENCH_DATA"
_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9_-]*)=(?P<path>.+)")


@dataclass(frozen=True)
class DataRoots:
    """The values of `--data-root`.

    Attributes:
        named: (dataset, folder) for each `NAME=FOLDER`.
        default: the folder without a name, for all other datasets; None if there is none.
    """

    named: tuple[tuple[str, Path], ...] = ()
    default: Path | None = None

    @classmethod
    def parse(cls, texts: Sequence[str]) -> DataRoots:
        """Parse `FOLDER` and `NAME=FOLDER`. A text that is an existing folder is a `FOLDER`.

        Raises:
            UsageError: several folders without a name, or a name that is given twice.
        """
        named: dict[str, Path] = {}
        default: Path | None = None
        for text in texts:
            match = None if Path(text).exists() else _NAMED.fullmatch(text)
            if match is None and default is not None:
                raise UsageError(
                    f"--data-root {default} and --data-root {text}: write NAME=FOLDER if there is "
                    "more than one folder"
                )
            if match is None:
                default = Path(text)
            elif match["name"] in named:
                raise UsageError(f"--data-root {match['name']}= is given twice")
            else:
                named[match["name"]] = Path(match["path"]).expanduser()
        return cls(tuple(named.items()), default)

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets that have a folder of their own."""
        return tuple(name for name, _ in self.named)

    def root_of(self, name: str) -> Path | None:
        """The folder of this dataset: its own, otherwise the default."""
        return dict(self.named).get(name, self.default)

    def __str__(self) -> str:
        named = [f"{name}={path}" for name, path in self.named]
        return ", ".join(named + [str(self.default)] * bool(self.default))


def root_from_environment() -> Path | None:
    """The folder in CADBENCH_DATA: a dataset, or the parent of several. None if it is not set."""
    value = os.environ.get(DATA_VARIABLE)
    return Path(value).expanduser() if value else None


@dataclass(frozen=True)
class FoundDataset:
    """A dataset on disk: its reader, its root, and those of its categories that are there."""

    reader: Reader
    root: Path
    categories: tuple[str, ...]


def find_dataset(
    name: str, reader: Reader, place: Path, *, allow_other_categories: bool = False
) -> FoundDataset | None:
    """Look for a dataset in a folder, then in the folder's children with a usual name.

    Args:
        name: the dataset's name, for error messages.
        reader: the dataset's reader.
        place: the folder.
        allow_other_categories: accept a root that also holds unpublished categories.
    """
    for folder in (place, *_usual_folders(reader, place)):
        found = dataset_at(name, reader, folder, allow_other_categories=allow_other_categories)
        if found is not None:
            return found
    return None


def dataset_at(
    name: str, reader: Reader, folder: Path, *, allow_other_categories: bool = False
) -> FoundDataset | None:
    """The dataset whose root (or TOML description) is this path; None if it is not one.

    Args:
        name: the dataset's name, for error messages.
        reader: the dataset's reader.
        folder: the path to look at.
        allow_other_categories: accept a root that also holds unpublished categories.
    """
    with attribute_errors_to_reader(name, reader, "resolve"):
        reader, root = reader.resolve(folder)
    with attribute_errors_to_reader(name, reader, "categories_in"):
        present = sorted(reader.categories_in(root))
    published = reader.categories
    categories = [category for category in present if not published or category in published]
    if categories and (allow_other_categories or categories == present):
        return FoundDataset(reader, root, tuple(categories))
    return None


def _usual_folders(reader: Reader, place: Path) -> Iterator[Path]:
    if not reader.folders:
        return
    names = names_in(place, folders=True)
    for usual in reader.folders:
        yield from (place / name for name in names if name.lower() == usual)
