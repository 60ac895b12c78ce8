"""Join several datasets into one: categories and paths get the prefix `DATASET/`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ..images.inspection import SkippedFile
from ..item import Item
from ..manifest import Manifest
from ..roots import SEPARATOR, JoinedRoot

PLUS = "+"
"""Between the datasets of a joined name: `mvtec+visa`."""


def joined_name(names: Iterable[str]) -> str:
    """The name of one dataset, or of several joined: sorted, so that their order is irrelevant."""
    return PLUS.join(sorted(set(names)))


def split_joined_name(name: str) -> tuple[str, ...]:
    """The dataset names in a name that `joined_name` made."""
    return tuple(name.split(PLUS))


def qualified(dataset: str, name: str) -> str:
    """`mvtec/bottle`: a category (or path) of a dataset that is joined with others."""
    return f"{dataset}{SEPARATOR}{name}"


def join(manifests: Sequence[Manifest], name: str) -> Manifest:
    """One manifest called `name` with the images of all `manifests`, whose names must differ."""
    roots = tuple((manifest.name, manifest.root) for manifest in manifests)
    return Manifest(
        name,
        JoinedRoot(roots),
        tuple(_qualified_item(item, m.name) for m in manifests for item in m.items),
        tuple(
            SkippedFile(
                qualified(m.name, skipped.path),
                skipped.reason,
                qualified(m.name, skipped.category),
            )
            for m in manifests
            for skipped in m.skipped
        ),
        tuple(
            replace(
                files,
                category=files.category and qualified(m.name, files.category),
                folder=qualified(m.name, files.folder),
            )
            for m in manifests
            for files in m.left_out
        ),
    )


def categories_by_dataset(
    categories: Sequence[str], datasets: Sequence[str]
) -> dict[str, list[str]]:
    """Split qualified categories by dataset.

    Args:
        categories: such as `mvtec/bottle`.
        datasets: the names that may stand before the slash.

    Returns:
        Each dataset with its categories, without the prefix. The list may be empty.

    Raises:
        UsageError: a category does not begin with one of the datasets.
    """
    found: dict[str, list[str]] = {dataset: [] for dataset in datasets}
    for name in categories:
        dataset, slash, category = name.partition(SEPARATOR)
        if not slash:
            raise _not_qualified(name, f" (did you mean {qualified(datasets[0], name)}?)", datasets)
        if dataset not in found:
            raise _not_qualified(name, suggestion(dataset, datasets), datasets)
        found[dataset].append(category)
    return found


def _not_qualified(name: str, hint: str, datasets: Sequence[str]) -> UsageError:
    return UsageError(
        f"unknown category {name!r}{hint}; with several datasets, write "
        f"DATASET{SEPARATOR}CATEGORY, where DATASET is one of {', '.join(datasets)}"
    )


def _qualified_item(item: Item, dataset: str) -> Item:
    return replace(
        item,
        category=qualified(dataset, item.category),
        path=qualified(dataset, item.path),
        mask_path=None if item.mask_path is None else qualified(dataset, item.mask_path),
        more_masks=tuple(qualified(dataset, path) for path in item.more_masks),
    )
