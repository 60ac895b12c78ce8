"""Contamination: defective test images are moved to the training images, as in a dirty dataset.

Half of the defective test images of each category form a pool, which does not depend on the share.
No image of the pool is tested at any share, also at 0, so that all shares have the same test set.
A share takes the first images of the pool, in an order that depends on the seed; a larger share
therefore contains the images of a smaller one.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

from ...results.counts import format_count
from ...results.errors import UsageError
from ..data.item import Item
from ..data.manifest import Manifest


@dataclass(frozen=True)
class Contamination:
    """How training sets are contaminated.

    Attributes:
        share: share of defective images among the training images of a category.
        seed: decides which images of the pool are taken.
    """

    share: float
    seed: int


@dataclass(frozen=True)
class Contaminated:
    """What contamination does to one category.

    Attributes:
        moved: defective images that were added to the training images.
        train: training images, these included.
        removed: images that are not tested: the pool.
        missing: images that the pool lacks for the share.
    """

    moved: int
    train: int
    removed: int
    missing: int


def contaminate(manifest: Manifest, contamination: Contamination | None) -> Manifest:
    """Return the dataset with contaminated training images and without the pool in its test sets.

    Args:
        manifest: a manifest without domains.
        contamination: None returns `manifest` unchanged.

    Raises:
        UsageError: a category has fewer than two defective test images.
    """
    if contamination is None:
        return manifest
    moved, removed = set[tuple[str, str]](), set[tuple[str, str]]()
    for category in manifest.categories:
        pool, chosen = _choose(manifest, category, contamination)
        removed |= {(category, content) for content in pool}
        moved |= {(category, content) for content in chosen}
    items: list[Item] = []
    for item in manifest.items:
        image = (item.category, item.content)
        if item.split == "train" or image not in removed:
            items.append(item)
        elif image in moved:
            items.append(replace(item, split="train"))
            moved.discard(image)  # a second file of the same image is not added
    return replace(manifest, items=tuple(items))


def count_contaminated(manifest: Manifest, contamination: Contamination) -> dict[str, Contaminated]:
    """Count what `contaminate` changes, by category.

    Args:
        manifest: the manifest before contamination.
        contamination: the share and the seed.
    """
    counts = {}
    for category in manifest.categories:
        pool, chosen = _choose(manifest, category, contamination)
        good = len({item.content for item in manifest.train(category)})
        wanted = _wanted(good, contamination.share)
        counts[category] = Contaminated(
            len(chosen), good + len(chosen), len(pool), max(0, wanted - len(pool))
        )
    return counts


def contamination_warnings(manifest: Manifest, share: float | None) -> list[str]:
    """Return one line that names the categories whose pool is too small for a share, if any."""
    if share is None:
        return []
    short = {
        category: counts.moved / counts.train
        for category, counts in count_contaminated(manifest, Contamination(share, 0)).items()
        if counts.missing
    }
    if not short:
        return []
    named = ", ".join(f"{category} {reached:.3f}" for category, reached in short.items())
    return [
        f"--contaminate {share:g}: {format_count(len(short), 'category')} of "
        f"{len(manifest.categories)} cannot reach this share with half of their defective test "
        f"images and have less: {named}"
    ]


def _wanted(good: int, share: float) -> int:
    """How many images make `share` of the training set together with `good` ones, rounded."""
    return math.floor(share * good / (1 - share) + 0.5)


def _choose(
    manifest: Manifest, category: str, contamination: Contamination
) -> tuple[list[str], list[str]]:
    """The content hashes of a category's pool, and of its images that are moved."""
    test = manifest.test(category)
    good = {item.content for item in test if not item.label}
    good |= {item.content for item in manifest.train(category)}
    defective = {item.content for item in test if item.label} - good
    if len(defective) < 2:
        raise UsageError(
            f"--contaminate needs two defective test images per category, one to move and one to "
            f"test with; {category} has {len(defective)}: leave it out with --categories"
        )
    pool = sorted(defective, key=lambda content: _rank("pool", category, content))
    pool = pool[: len(pool) // 2]
    trained = len({item.content for item in manifest.train(category)})
    order = sorted(pool, key=lambda content: _rank(str(contamination.seed), category, content))
    return pool, order[: _wanted(trained, contamination.share)]


def _rank(purpose: str, category: str, content: str) -> str:
    return hashlib.sha256(f"contaminate\0{purpose}\0{category}\0{content}".encode()).hexdigest()
