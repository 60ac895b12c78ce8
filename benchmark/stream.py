"""The class-incremental stream: a manifest's categories in an order, grouped by a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.data.manifest import Manifest
from benchmark.randomness import generator
from benchmark.schedule import canonical, experience_sizes
from benchmark.suggest import suggestion
from results.errors import UsageError


@dataclass(frozen=True)
class Order:
    """An order of categories: how it was asked for, and what it came to."""

    name: str
    categories: tuple[str, ...]


def resolve_order(text: str, categories: tuple[str, ...]) -> Order:
    """The order that `alphabetical`, `random:SEED` or a file (one category a line) gives.

    A file's order is called `file-` and a hash of its content, so that no path enters a record.
    """
    alphabetical = tuple(sorted(categories))
    if text == "alphabetical":
        return Order(text, alphabetical)
    kind, colon, seed = text.partition(":")
    if kind == "random" and colon:
        if not seed.isdecimal():
            raise UsageError(
                f"--order {text}: write random:SEED with a whole number, or random:0-3"
            )
        drawn = generator(int(seed), "order").permutation(len(alphabetical))
        # `random:07` is the order `random:7` and must have its name, which enters keys.
        return Order(f"random:{int(seed)}", tuple(alphabetical[index] for index in drawn))
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"--order {text!r} is neither alphabetical, random:SEED nor a file with one category a "
            f"line{suggestion(text, ['alphabetical', 'random:0'])}"
        )
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--order {text}: the file cannot be read as text ({error})") from error
    listed = tuple(line.strip() for line in lines if line.strip())
    if sorted(listed) != list(alphabetical):
        odd = sorted(set(listed) ^ set(categories)) or ["a category twice"]
        raise UsageError(
            f"--order {text}: the file must name each category of the data set once; check "
            f"{', '.join(odd)}"
        )
    return listed_order("file", listed)


def listed_order(kind: str, categories: tuple[str, ...]) -> Order:
    """An order that somebody wrote down; a hash in its name keeps two lists of one name apart."""
    import hashlib

    digest = hashlib.sha256("\n".join(categories).encode()).hexdigest()[:8]
    return Order(f"{kind}-{digest}", categories)


@dataclass(frozen=True)
class Experience:
    """One step: 1-based index and the categories it introduces."""

    index: int
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """Experiences over a data set; `schedule` is the text as given, which may hold a `*`."""

    manifest: Manifest
    order: Order
    schedule: str = "1x*"

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return experience_sizes(self.schedule, len(self.order.categories))

    @property
    def resolved_schedule(self) -> str:
        """The schedule with every number written out: `1x*` over 15 categories is `1x15`."""
        return canonical(self._sizes)

    @cached_property
    def train_stream(self) -> tuple[Experience, ...]:
        """The experiences, in order; each introduces its categories' training images."""
        experiences = []
        start = 0
        for index, size in enumerate(self._sizes, start=1):
            experiences.append(Experience(index, self.order.categories[start : start + size]))
            start += size
        return tuple(experiences)

    @property
    def test_stream(self) -> tuple[Experience, ...]:
        """The same experiences; each stands for its categories' test images."""
        return self.train_stream

    def seen(self, index: int) -> tuple[str, ...]:
        """The categories introduced up to and including experience `index` (1-based)."""
        return tuple(c for e in self.train_stream[:index] for c in e.categories)

    def as_avalanche(self) -> Any:
        """The stream as an Avalanche `CLScenario` of images with category targets."""
        from benchmark.avalanche import scenario

        return scenario(self)
