"""Which datasets are at hand: those that are known by name, and folders of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import CadbenchError
from ..reader import Reader
from .choosing import own_names, reader_of_folders
from .places import DataRoots, find, found_at, from_environment
from .registry import blamed_on, dataset_names, load_reader


@dataclass(frozen=True)
class AtHand:
    """A dataset as `cadbench data info` lists it; found: what of it, root: None where nowhere."""

    name: str
    title: str
    found: str
    root: Path | None = None


def at_hand(roots: DataRoots) -> list[AtHand]:
    """Every known dataset by name, found or not or broken, then folders below the same places."""
    listed = [_known(name, roots) for name in dataset_names()]
    taken = {each.root for each in listed}
    return listed + [each for each in _own(roots) if each.root not in taken]


def _known(name: str, roots: DataRoots) -> AtHand:
    try:
        reader = load_reader(name)
        with blamed_on(name, reader, "automatic"):
            drawn = reader.automatic(None) == "drawn"
        if drawn or not reader.categories:
            return AtHand(name, reader.title, "always there" if drawn else "give it by --data-root")
        found = find(name, reader, _place(name, roots))
    except CadbenchError as error:
        return AtHand(name, "", f"broken: {error}")
    if found is None:
        return AtHand(name, reader.title, "not found")
    count = f"{len(found.categories)} of {len(reader.categories)} categories"
    return AtHand(name, reader.title, count, found.root)


def _own(roots: DataRoots) -> Iterator[AtHand]:
    """The folders that have names of their own, the place itself, and those in it."""
    reader = reader_of_folders()
    for name in roots.names:
        if name not in dataset_names():
            yield from _folder(name, reader, dict(roots.named)[name])
    place = _place("", roots)
    yield from _folder("folder", reader, place)
    for name in own_names(DataRoots(other=place)):
        yield from _folder(name, reader, place / name)


def _folder(name: str, reader: Reader, place: Path) -> Iterator[AtHand]:
    try:
        found = found_at(name, reader, place, mixed=True)
    except CadbenchError as error:
        yield AtHand(name, "", f"broken: {error}", place)
        return
    if found is not None:
        yield AtHand(name, reader.title, f"{len(found.categories)} categories", found.root)


def _place(name: str, roots: DataRoots) -> Path:
    return roots.of(name) or from_environment() or Path("data")
