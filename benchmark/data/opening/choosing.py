"""Choosing one dataset: its reader, its root and what it is called, by name or by `auto`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, DataError, UsageError
from ...system.reporting import Reporter
from ..entries import names_in
from ..reader import Automatic, Reader
from .places import DATA_VARIABLE, DataRoots, Found, find, found_at, from_environment
from .registry import AUTO, blamed_on, is_builtin, is_known, load_reader, usable_readers


@dataclass(frozen=True)
class Choice:
    """A dataset that was found; categories: None for all that lie there."""

    name: str
    root: Path
    reader: Reader
    categories: Sequence[str] | None


def choose(
    name: str,
    roots: DataRoots,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
    *,
    alone: bool,
) -> Choice:
    """The dataset of this name, which `asked_for` has let through.

    alone: whether it is the only one, so that the root without a name is meant for it.
    """
    given = roots.of(name)
    named = given or from_environment()
    if name == AUTO:
        return _automatic(given, named, categories, cache, reporter)
    if not is_known(name):
        folder = own_folder(name, roots)
        assert folder is not None
        return _folder(*reader_of_folders().at(folder), categories, reporter, called=name)
    reader = load_reader(name)
    with blamed_on(name, reader, "its reader"):
        if reader.automatic(None) == "drawn":
            if given is not None and (alone or name in roots.names):
                raise UsageError(f"--data-root means nothing to --dataset {name}; give one of them")
            return _provided(name, reader, categories, "", cache, reporter)
        if reader.categories:
            return _published(name, reader, named, categories, reporter)
        if named is None:
            raise UsageError(f"--dataset {name} needs --data-root (or {DATA_VARIABLE})")
        found = find(name, reader, named, mixed=True)
        reader, root = (found.reader, found.root) if found else reader.at(named)
        return _folder(reader, root, categories, reporter, called=name)


def _automatic(
    given: Path | None,
    named: Path | None,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
) -> Choice:
    """The first dataset that fits, in the order of `Automatic`."""
    for name, reader in _in_turn(named):
        match _when(reader, named):
            case "default":
                found = recognized(name, reader, named or Path("data"), below=True)
                if found is not None:
                    return _published(name, reader, found.root, categories, reporter)
            case "recognized" if named is not None:
                found = recognized(name, reader, named, below=False)
                if found is not None:
                    return _published(name, reader, found.root, categories, reporter)
            case "described" if named is not None:
                return _folder(*reader.at(named), categories, reporter)
            case "folder" if named is not None:
                if given is not None or reader.categories_in(named):
                    return _folder(*reader.at(named), categories, reporter)
            case "drawn":
                why = _why_drawn(named)
                return _provided(name, reader, categories, why, cache, reporter)
    raise UsageError("no dataset is found; give one with --dataset and --data-root")


def _in_turn(named: Path | None) -> list[tuple[str, Reader]]:
    """The usable readers in the order in which `auto` tries them; those of cadbench come first."""
    order = get_args(Automatic)
    return sorted(usable_readers(), key=lambda pair: order.index(_when(pair[1], named)))


def _when(reader: Reader, named: Path | None) -> Automatic:
    """When `auto` takes it; a reader of a plugin never comes before those of cadbench."""
    return reader.automatic(named) if is_builtin(reader) else "recognized"


def recognized(name: str, reader: Reader, place: Path, *, below: bool) -> Found | None:
    """The published dataset at a place; a plugin with a fault recognizes nothing."""
    if not reader.categories:
        return None
    try:
        return find(name, reader, place) if below else found_at(name, reader, place)
    except CadbenchError:
        if is_builtin(reader):
            raise
        return None


def reader_of_folders() -> Reader:
    """The reader that takes a folder of any categories."""
    for _, reader in usable_readers():
        if _when(reader, None) == "folder":
            return reader
    raise CadbenchError("no reader of folders is installed; install cadbench again")


def own_names(roots: DataRoots) -> list[str]:
    """The names that stand for folders of the user's own: those with a root, and those in it."""
    parent = roots.other or from_environment()
    there = [] if parent is None else names_in(parent, folders=True)
    return [*roots.names, *(name for name in there if fit_for_a_name(name) == name)]


def own_folder(name: str, roots: DataRoots) -> Path | None:
    """The folder that a name of the user's own stands for."""
    if name in roots.names:
        return roots.of(name)
    parent = roots.other or from_environment()
    return parent / name if parent is not None and name in own_names(roots) else None


def _published(
    name: str,
    reader: Reader,
    named: Path | None,
    categories: Sequence[str] | None,
    reporter: Reporter,
) -> Choice:
    """A dataset of known categories; a copy that lacks some is warned about."""
    for category in categories or ():
        if category not in reader.categories:
            raise UsageError(
                f"unknown category {category!r} of {reader.title}"
                f"{suggestion(category, reader.categories)}; there are: "
                f"{', '.join(reader.categories)}"
            )
    place = named or Path("data")
    found = find(name, reader, place, mixed=True)
    if found is None:
        raise DataError(f"no {reader.title} in {place}: {how_to_obtain(reader)}")
    reporter.line(reader.announcement(name, found.root, found.categories))
    missing = sorted(set(reader.categories) - set(found.categories))
    if missing and categories is None:
        reporter.warn(f"this copy of {reader.title} lacks {', '.join(missing)}")
    return Choice(
        name, found.root, found.reader, found.categories if categories is None else categories
    )


def _folder(
    reader: Reader,
    root: Path,
    categories: Sequence[str] | None,
    reporter: Reporter,
    called: str | None = None,
) -> Choice:
    """A folder of any categories; `called` is the name that it gets if it has none of its own."""
    name = called or "data"
    own = reader.own_name(root)
    if own is not None and (called is None or is_known(called)):
        name = fit_for_a_name(own)
    found = reader.categories_in(root)
    reporter.line(reader.announcement(name, root, found))
    return Choice(name, root, reader, categories)


def _provided(
    name: str,
    reader: Reader,
    categories: Sequence[str] | None,
    why: str,
    cache: Path,
    reporter: Reporter,
) -> Choice:
    """A dataset that needs no folder of the user's."""
    found = reader.categories
    reporter.line(reader.announcement(name, cache, found) + why)
    root = reader.provide(cache, reporter)
    assert root is not None
    return Choice(name, root, reader, categories)


def _why_drawn(named: Path | None) -> str:
    if named is None:
        return " (MVTec AD was not found; `cadbench data info` says how to obtain it)"
    there = [n for n, r in usable_readers() if r.categories and recognized(n, r, named, below=True)]
    own = reader_of_folders()
    there += [n for n in own_names(DataRoots(other=named)) if own.categories_in(named / n)]
    there = list(dict.fromkeys(there))
    if there:
        return f" ({DATA_VARIABLE}={named} holds {', '.join(there)}: take one with --dataset)"
    return f" ({DATA_VARIABLE}={named} holds no dataset)"


def how_to_obtain(reader: Reader) -> str:
    """What to do where a dataset is not found."""
    get = "give"
    if reader.source:
        get = f"get {reader.title} from {reader.source}, unpack it, and give"
    if reader.fetched_by:
        get = f"`{reader.fetched_by}` fetches it once you accept its license, or {get}"
    return f"{get} its folder with --data-root or {DATA_VARIABLE}"


def require(chosen: Choice, required_by: str) -> None:
    """`DataError` that names all categories that lack."""
    found = chosen.reader.categories_in(chosen.root)
    missing = sorted(set(chosen.categories or ()) - set(found))
    if found and missing:
        raise DataError(
            f"{required_by} needs {len(missing)} categories that are not in {chosen.root}: "
            f"{', '.join(missing)}; complete the data or choose another protocol"
        )


def fit_for_a_name(text: str) -> str:
    """A name in [a-z0-9_-] from a folder's; never that of a dataset that is not the folder."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_") or "data"
    return f"folder-{name}" if name == AUTO or is_known(name) else name
