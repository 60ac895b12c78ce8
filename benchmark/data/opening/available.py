"""List the datasets that are available: the known ones by name, then folders of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....results.counts import format_count
from ....results.errors import CadbenchError
from ..reader import Reader
from ..reader_errors import attribute_errors_to_reader
from .locations import DataRoots, dataset_at, find_dataset, root_from_environment
from .registry import dataset_names, load_reader
from .resolve import folder_reader, user_folder_names


@dataclass(frozen=True)
class AvailableDataset:
    """One row of `cadbench data info`.

    Attributes:
        name: what to give as `--dataset`.
        title: the dataset's title.
        status: `2 of 15 categories`, `not found`, `broken: ...` and the like.
        root: its folder; None if it has none.
    """

    name: str
    title: str
    status: str
    root: Path | None = None


def list_available(roots: DataRoots) -> list[AvailableDataset]:
    """Every dataset with a reader (found, not found or broken), then other dataset folders."""
    listed = [_registered(name, roots) for name in dataset_names()]
    listed_roots = {each.root for each in listed}
    return listed + [each for each in _user_folders(roots) if each.root not in listed_roots]


def _registered(name: str, roots: DataRoots) -> AvailableDataset:
    try:
        reader = load_reader(name)
        with attribute_errors_to_reader(name, reader, "auto_rule"):
            generated = reader.auto_rule(None) == "generated"
        if generated or not reader.categories:
            status = "always available" if generated else "needs --data-root"
            return AvailableDataset(name, reader.title, status)
        found = find_dataset(name, reader, _search_root(name, roots))
    except CadbenchError as error:
        return AvailableDataset(name, "", f"broken: {error}")
    if found is None:
        return AvailableDataset(name, reader.title, "not found")
    total = format_count(len(reader.categories), "category")
    count = f"{len(found.categories)} of {total}"
    return AvailableDataset(name, reader.title, count, found.root)


def _user_folders(roots: DataRoots) -> Iterator[AvailableDataset]:
    """Folders named by `--data-root NAME=`, then the search root itself, then its children."""
    reader = folder_reader()
    for name in roots.names:
        if name not in dataset_names():
            yield from _user_folder(name, reader, dict(roots.named)[name])
    parent = _search_root("", roots)
    yield from _user_folder("folder", reader, parent)
    for name in user_folder_names(DataRoots(default=parent)):
        yield from _user_folder(name, reader, parent / name)


def _user_folder(name: str, reader: Reader, folder: Path) -> Iterator[AvailableDataset]:
    """One dataset if the folder is one, otherwise none."""
    try:
        found = dataset_at(name, reader, folder, allow_other_categories=True)
    except CadbenchError as error:
        yield AvailableDataset(name, "", f"broken: {error}", folder)
        return
    if found is not None:
        count = format_count(len(found.categories), "category")
        yield AvailableDataset(name, reader.title, count, found.root)


def _search_root(name: str, roots: DataRoots) -> Path:
    return roots.root_of(name) or root_from_environment() or Path("data")
