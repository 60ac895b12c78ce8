"""Resolve a dataset name, or `auto`, to a reader and a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ....results.counts import format_count
from ....results.did_you_mean import suggestion
from ....results.errors import CadbenchError, DataError, UsageError
from ...system.reporting import Reporter
from ..folders import names_in
from ..reader import AutoRule, Reader
from ..reader_errors import attribute_errors_to_reader, is_builtin
from .locations import (
    DATA_VARIABLE,
    DataRoots,
    FoundDataset,
    dataset_at,
    find_dataset,
    root_from_environment,
)
from .registry import AUTO, has_reader, load_reader, usable_readers


@dataclass(frozen=True)
class ResolvedDataset:
    """A dataset on disk and the categories to use, None for all that are there."""

    name: str
    root: Path
    reader: Reader
    categories: Sequence[str] | None


def resolve_dataset(
    name: str,
    roots: DataRoots,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
    *,
    only_dataset: bool,
) -> ResolvedDataset:
    """Find the reader and the folder of a dataset.

    Args:
        name: a name that `parse_dataset_names` accepted.
        roots: the values of `--data-root`.
        categories: the requested categories, None for all.
        cache: folder for a dataset that is generated.
        reporter: is told which dataset is used, and warned if categories are missing.
        only_dataset: no other dataset is opened, so the default of `roots` is meant for this one.

    Raises:
        UsageError: an option is missing, or does not fit this dataset.
        DataError: the dataset was not found.
    """
    root_option = roots.root_of(name)
    search_root = root_option or root_from_environment()
    if name == AUTO:
        return _resolve_auto(root_option, search_root, categories, cache, reporter)
    if not has_reader(name):
        folder = user_folder(name, roots)
        assert folder is not None
        reader, root = folder_reader().resolve(folder)
        return _folder(reader, root, categories, reporter, default_name=name)
    reader = load_reader(name)
    with attribute_errors_to_reader(name, reader, "its reader"):
        if reader.auto_rule(None) == "generated":
            if root_option is not None and (only_dataset or name in roots.names):
                raise UsageError(
                    f"--dataset {name} needs no folder: leave out --data-root, or name another "
                    "dataset"
                )
            return _generated(name, reader, categories, "", cache, reporter)
        if reader.categories:
            return _published(name, reader, search_root, categories, reporter)
        if search_root is None:
            raise UsageError(f"--dataset {name} needs --data-root (or {DATA_VARIABLE})")
        found = find_dataset(name, reader, search_root, allow_other_categories=True)
        reader, root = (found.reader, found.root) if found else reader.resolve(search_root)
        return _folder(reader, root, categories, reporter, default_name=name)


def _resolve_auto(
    root_option: Path | None,
    search_root: Path | None,
    categories: Sequence[str] | None,
    cache: Path,
    reporter: Reporter,
) -> ResolvedDataset:
    """The first dataset that fits, in the order of `AutoRule`.

    Args:
        root_option: folder of `--data-root`.
        search_root: the same, or else the folder of CADBENCH_DATA.
        categories, cache, reporter: as in `resolve_dataset`.
    """
    for name, reader in _readers_for_auto(search_root):
        match _auto_rule(reader, search_root):
            case "default":
                found = find_published(name, reader, search_root or Path("data"), below=True)
                if found is not None:
                    return _published(name, reader, found.root, categories, reporter)
            case "recognized" if search_root is not None:
                found = find_published(name, reader, search_root, below=False)
                if found is not None:
                    return _published(name, reader, found.root, categories, reporter)
            case "described" if search_root is not None:
                return _folder(*reader.resolve(search_root), categories, reporter)
            case "folder" if search_root is not None:
                if root_option is not None or reader.categories_in(search_root):
                    return _folder(*reader.resolve(search_root), categories, reporter)
            case "generated":
                reason = _why_generated(search_root)
                return _generated(name, reader, categories, reason, cache, reporter)
    raise UsageError("no dataset found; give one with --dataset and --data-root")


def _readers_for_auto(search_root: Path | None) -> list[tuple[str, Reader]]:
    """The usable readers in the order of `AutoRule`; within a rule, the built-in ones first."""
    order = get_args(AutoRule)
    return sorted(usable_readers(), key=lambda pair: order.index(_auto_rule(pair[1], search_root)))


def _auto_rule(reader: Reader, search_root: Path | None) -> AutoRule:
    """A reader's rule. Readers of plugins are always "recognized", so they never take precedence
    over what `auto` means without them."""
    return reader.auto_rule(search_root) if is_builtin(reader) else "recognized"


def find_published(name: str, reader: Reader, folder: Path, *, below: bool) -> FoundDataset | None:
    """Look for a published dataset in a folder; errors of a plugin's reader count as not found.

    Args:
        name: the dataset's name.
        reader: its reader.
        folder: where to look.
        below: also look in the children of `folder` that have a usual name.
    """
    if not reader.categories:
        return None
    try:
        return (find_dataset if below else dataset_at)(name, reader, folder)
    except CadbenchError:
        if is_builtin(reader):
            raise
        return None


def folder_reader() -> Reader:
    """The reader of folders with arbitrary categories."""
    for _, reader in usable_readers():
        if _auto_rule(reader, None) == "folder":
            return reader
    raise CadbenchError("the reader of folders is missing; install cadbench again")


def user_folder_names(roots: DataRoots) -> list[str]:
    """Names that mean a folder of the user: those of `--data-root NAME=`, then the folders below
    the default root (else CADBENCH_DATA) whose name is a valid dataset name."""
    parent = roots.default or root_from_environment()
    children = [] if parent is None else names_in(parent, folders=True)
    return [*roots.names, *(name for name in children if to_dataset_name(name) == name)]


def user_folder(name: str, roots: DataRoots) -> Path | None:
    """The folder of a name in `user_folder_names`; None for another name."""
    if name in roots.names:
        return roots.root_of(name)
    parent = roots.default or root_from_environment()
    return parent / name if parent is not None and name in user_folder_names(roots) else None


def _published(
    name: str,
    reader: Reader,
    search_root: Path | None,
    categories: Sequence[str] | None,
    reporter: Reporter,
) -> ResolvedDataset:
    """A dataset with published categories; warns if its copy lacks some."""
    for category in categories or ():
        if category not in reader.categories:
            raise UsageError(
                f"unknown category {category!r} of {reader.title}"
                f"{suggestion(category, reader.categories)}; there are: "
                f"{', '.join(reader.categories)}"
            )
    folder = search_root or Path("data")
    found = find_dataset(name, reader, folder, allow_other_categories=True)
    if found is None:
        raise DataError(f"{reader.title} not found in {folder}: {how_to_obtain(reader)}")
    reporter.line(reader.announcement(name, found.root, found.categories))
    missing = sorted(set(reader.categories) - set(found.categories))
    if missing and categories is None:
        reporter.warn(f"this copy of {reader.title} lacks {', '.join(missing)}")
    chosen = found.categories if categories is None else categories
    return ResolvedDataset(name, found.root, found.reader, chosen)


def _folder(
    reader: Reader,
    root: Path,
    categories: Sequence[str] | None,
    reporter: Reporter,
    default_name: str | None = None,
) -> ResolvedDataset:
    """A folder with arbitrary categories. Its own name wins over a `default_name` of a reader."""
    name = default_name or "data"
    own_name = reader.own_name(root)
    if own_name is not None and (default_name is None or has_reader(default_name)):
        name = to_dataset_name(own_name)
    if found := reader.categories_in(root):  # without any, the error says it
        reporter.line(reader.announcement(name, root, found))
    return ResolvedDataset(name, root, reader, categories)


def _generated(
    name: str,
    reader: Reader,
    categories: Sequence[str] | None,
    reason: str,
    cache: Path,
    reporter: Reporter,
) -> ResolvedDataset:
    """A dataset that its reader generates; `reason` is added to the announcement."""
    reporter.line(reader.announcement(name, cache, reader.categories) + reason)
    root = reader.provide(cache)
    assert root is not None
    return ResolvedDataset(name, root, reader, categories)


def _why_generated(search_root: Path | None) -> str:
    if search_root is None:
        return " (MVTec AD was not found; `cadbench data info` says how to obtain it)"
    present = [
        name
        for name, reader in usable_readers()
        if reader.categories and find_published(name, reader, search_root, below=True)
    ]
    present += [
        name
        for name in user_folder_names(DataRoots(default=search_root))
        if folder_reader().categories_in(search_root / name)
    ]
    if present:
        names = ", ".join(dict.fromkeys(present))
        return f" ({DATA_VARIABLE}={search_root} holds {names}: choose one with --dataset)"
    return f" ({DATA_VARIABLE}={search_root} holds no dataset)"


def how_to_obtain(reader: Reader) -> str:
    """The part of a message that says how to get a dataset that was not found."""
    steps = "give"
    if reader.source:
        steps = f"get {reader.title} from {reader.source}, unpack it, and give"
    if reader.download_command:
        steps = f"run `{reader.download_command}` and accept its license, or {steps}"
    return f"{steps} its folder with --data-root or {DATA_VARIABLE}"


def require_categories(resolved: ResolvedDataset, required_by: str) -> None:
    """Check that the requested categories are there.

    Args:
        resolved: the dataset.
        required_by: what needs the categories, such as a protocol, for the message.

    Raises:
        DataError: lists all missing categories.
    """
    present = resolved.reader.categories_in(resolved.root)
    missing = sorted(set(resolved.categories or ()) - set(present))
    if present and missing:
        raise DataError(
            f"{required_by} needs {format_count(len(missing), 'category')} missing in "
            f"{resolved.root}: {', '.join(missing)}; complete the data or choose another protocol"
        )


def to_dataset_name(folder_name: str) -> str:
    """A dataset name in [a-z0-9_-] for a folder, different from the name of every reader."""
    name = re.sub(r"[^a-z0-9_-]+", "-", folder_name.lower()).strip("-_") or "data"
    return f"folder-{name}" if name == AUTO or has_reader(name) else name
