"""Warnings about a manifest: oddities that do not stop a run but change what its metrics mean."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from .item import Item


class _Splits(Protocol):
    """The part of a manifest that is looked at."""

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def items(self) -> tuple[Item, ...]: ...

    def train(self, column: str) -> tuple[Item, ...]: ...

    def test(self, column: str) -> tuple[Item, ...]: ...


_Text: TypeAlias = tuple[str, str]
"""The text of a warning in singular and plural."""

_MAX_SEPARATE = 3
"""If more categories than this have the same oddity, they share one warning."""
_MAX_NAMES = 15
"""Names in one warning."""


def manifest_warnings(manifest: _Splits) -> tuple[str, ...]:
    """One line per oddity: undefined metrics, images with two labels, test images in training."""
    found = [
        (category, *oddity)
        for category in manifest.categories
        for oddity in _oddities(manifest.train(category), manifest.test(category))
    ]
    return (*_grouped(found), *_missing_masks(manifest))


def _oddities(train: tuple[Item, ...], test: tuple[Item, ...]) -> Iterator[tuple[int, _Text]]:
    """(number of images, 0 for all of them; text of the warning) for one category."""
    labels: dict[str, set[int]] = collections.defaultdict(set)
    for item in test:
        labels[item.content].add(item.label)
    present = set().union(*labels.values())
    if len(present) == 1:
        kind = "defective" if present == {1} else "good"
        text = f"all test images are {kind}, so its AUROC is undefined (NaN)"
        yield 0, (text, text)
    both = sum(len(given) == 2 for given in labels.values())
    if both:
        same = "both as good and as defective"
        yield both, (f"test image occurs {same}", f"test images occur {same}")
    leaked = len(labels.keys() & {item.content for item in train})
    if leaked:
        yield (
            leaked,
            ("test image is also a training image", "test images are also training images"),
        )


def _grouped(found: list[tuple[str, int, _Text]]) -> Iterator[str]:
    """One line per oddity and category, or one per oddity if many categories have it."""
    by_text: dict[_Text, list[tuple[str, int]]] = collections.defaultdict(list)
    for category, count, text in found:
        by_text[text].append((category, count))
    for category, count, text in found:
        if len(by_text[text]) <= _MAX_SEPARATE:
            yield f"{category}: {_counted(count, text)}"
    for text, categories in by_text.items():
        if len(categories) > _MAX_SEPARATE:
            names = [
                f"{category} ({count})" if count else category for category, count in categories
            ]
            total = sum(count for _, count in categories)
            yield f"{len(categories)} categories: {_counted(total, text)}: {_shortened(names)}"


def _counted(count: int, text: _Text) -> str:
    """The text in singular or plural, after the number of images if there is one."""
    return f"{count} {text[count != 1]}" if count else text[0]


def _shortened(names: list[str]) -> str:
    """A few names, or the first ones and how many more there are."""
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _missing_masks(manifest: _Splits) -> Iterator[str]:
    """At most one line, for all categories whose pixel metrics are undefined without masks.

    A dataset without any mask is not meant for pixel metrics, and gets no warning.
    """
    lacking = []
    for category in manifest.categories:
        defective = [item for item in manifest.test(category) if item.label]
        without = sum(item.mask is None for item in defective)
        if without:
            lacking.append(f"{category} ({without} of {len(defective)})")
    if lacking and any(item.mask for item in manifest.items):
        yield (
            "pixel metrics are undefined (NaN) where defective test images have no mask: "
            + _shortened(lacking)
        )
