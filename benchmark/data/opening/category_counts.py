"""Image counts per category, compared with the published ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..catalog import Counts
from ..item import Item
from ..manifest import Manifest
from .joining import qualified, split_joined_name
from .registry import has_reader, load_reader


@dataclass(frozen=True)
class CategoryCounts:
    """One row of `cadbench data info`.

    Attributes:
        category: its name.
        counts: images in this copy.
        masks: defective test images that have a mask.
        sizes: `256x256`, or the smallest and the largest as `256x256 to 512x512`; empty if the
            category is missing.
        published: published counts; None if they are not known.
    """

    category: str
    counts: Counts
    masks: int
    sizes: str
    published: Counts | None


def count_categories(manifest: Manifest) -> list[CategoryCounts]:
    """One row per category, including published categories that are missing in the manifest."""
    names = set(manifest.categories)
    published = published_counts(manifest.name)
    return [
        _row(name, manifest.train(name), manifest.test(name), published.get(name))
        for name in sorted(names | published.keys())
    ]


def published_counts(name: str) -> dict[str, Counts]:
    """The published counts of a dataset by category; qualified if the name is a joined one."""
    by_dataset = {part: _published_counts(part) for part in split_joined_name(name)}
    if len(by_dataset) == 1:
        return dict(by_dataset[name])
    return {
        qualified(dataset, category): counts
        for dataset, by_category in by_dataset.items()
        for category, counts in by_category.items()
    }


def count_warnings(manifest: Manifest) -> Iterator[str]:
    """At most one warning: the categories whose counts are not the published ones."""
    differing = [
        f"{row.category} {'/'.join(map(str, row.counts))} instead of "
        f"{'/'.join(map(str, row.published))}"
        for row in count_categories(manifest)
        if row.published is not None and row.counts not in (row.published, (0, 0, 0))
    ]
    if differing:
        datasets = split_joined_name(manifest.name)
        titles = [load_reader(name).title for name in datasets if _published_counts(name)]
        yield (
            f"not the official {' and '.join(titles)} (train/good/defective): "
            f"{', '.join(differing)}"
        )


def _published_counts(name: str) -> Mapping[str, Counts]:
    return load_reader(name).counts if has_reader(name) else {}


def _row(
    category: str, train: Sequence[Item], test: Sequence[Item], published: Counts | None
) -> CategoryCounts:
    defective = sum(item.label for item in test)
    sizes = sorted(
        {(item.width * item.height, item.width, item.height) for item in (*train, *test)}
    )
    ends = dict.fromkeys(f"{w}x{h}" for _, w, h in (*sizes[:1], *sizes[-1:]))
    return CategoryCounts(
        category,
        Counts(len(train), len(test) - defective, defective),
        sum(item.mask is not None for item in test),
        " to ".join(ends),
        published,
    )
