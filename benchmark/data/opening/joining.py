"""Several datasets as one: categories are called `mvtec/bottle`, and so begin their paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ..images.inspection import Skipped
from ..manifest import Item, Manifest
from ..roots import SEPARATOR, JoinedRoot

PLUS = "+"
"""Between the datasets in a name: `mvtec+visa`."""


def joined_name(names: Iterable[str]) -> str:
    """The name of several datasets together, or of the one; their order does not matter."""
    return PLUS.join(sorted(set(names)))


def parts_of(name: str) -> tuple[str, ...]:
    """The datasets in a name that `joined_name` made."""
    return tuple(name.split(PLUS))


def qualified(dataset: str, category: str) -> str:
    """A category's name in a stream over several datasets."""
    return f"{dataset}{SEPARATOR}{category}"


def join(manifests: Sequence[Manifest], name: str) -> Manifest:
    """One manifest of several datasets, each of another name."""
    roots = []
    for manifest in manifests:
        assert isinstance(manifest.root, Path)
        roots.append((manifest.name, manifest.root))
    return Manifest(
        name,
        JoinedRoot(tuple(roots)),
        tuple(_moved(item, m.name) for m in manifests for item in m.items),
        tuple(
            Skipped(qualified(m.name, skipped.path), skipped.reason)
            for m in manifests
            for skipped in m.skipped
        ),
    )


def categories_by_dataset(
    categories: Sequence[str], datasets: Sequence[str]
) -> dict[str, list[str]]:
    """The categories of each dataset; `UsageError` for one that names none of them."""
    found: dict[str, list[str]] = {dataset: [] for dataset in datasets}
    for name in categories:
        dataset, slash, category = name.partition(SEPARATOR)
        if not slash or dataset not in found:
            ends = [qualified(each, dataset if not slash else category) for each in datasets]
            close = suggestion(dataset, datasets) if slash else f" (did you mean {ends[0]}?)"
            raise UsageError(
                f"unknown category {name!r}{close}; of several datasets, write "
                f"DATASET{SEPARATOR}CATEGORY with {', '.join(datasets)}"
            )
        found[dataset].append(category)
    return found


def _moved(item: Item, dataset: str) -> Item:
    return replace(
        item,
        category=qualified(dataset, item.category),
        path=qualified(dataset, item.path),
        mask_path=None if item.mask_path is None else qualified(dataset, item.mask_path),
        more_masks=tuple(qualified(dataset, path) for path in item.more_masks),
    )
