"""The stream: categories in an order, grouped by a schedule, and what they return as."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...results.errors import UsageError
from ..data.drift.domains import Domain
from ..data.manifest import Manifest, column_of
from ..system.did_you_mean import suggestion
from ..system.number_ranges import parse_whole_number
from ..system.rng import generator
from .blending import Shown, blended
from .schedule import canonical, experience_sizes


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
        number = parse_whole_number(seed)
        if number is None:
            raise UsageError(
                f"--order {text}: write random:SEED with a whole number, or random:0-3"
            )
        drawn = generator(number, "order").permutation(len(alphabetical))
        # `random:07` is the order `random:7` and must have its name, which enters keys.
        return Order(f"random:{number}", tuple(alphabetical[index] for index in drawn))
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
            f"--order {text}: the file must name each category of the dataset once; check "
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
    """One step: 1-based index and the columns of R it introduces.

    A column is a category, or one that returns under a domain (`screw@dark:2`).
    """

    index: int
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """Experiences over a dataset; `schedule` is the text as given, which may hold a `*`.

    domains: under each of them every category returns, in the same order, after the pass without;
    the manifest then is one made by `under_domains`. blend: the share of a column's
    training images that come with a neighboring experience (see `streams.blending`).
    """

    manifest: Manifest
    order: Order
    schedule: str = "1x*"
    domains: tuple[Domain, ...] = ()
    blend: float = 0.0

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of R in the order of the stream: the categories, then their returns."""
        return tuple(self.category_of)

    @cached_property
    def category_of(self) -> dict[str, str]:
        """Column -> its category, in the order of the stream."""
        categories = self.order.categories
        returns = {column_of(c, d): c for d in self.domains for c in categories}
        return {**{c: c for c in categories}, **returns}

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        try:
            return experience_sizes(self.schedule, len(self.columns))
        except UsageError as error:
            if not self.domains:
                raise
            count = len(self.order.categories)
            raise UsageError(
                f"{str(error).replace('the dataset has', 'the stream has')}: {count}, and {count} "
                f"more for each of {len(self.domains)} domain(s)"
            ) from None

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
            experiences.append(Experience(index, self.columns[start : start + size]))
            start += size
        return tuple(experiences)

    def refuse_returns_within_an_experience(self) -> None:
        """`UsageError` where an experience has a category under two domains at once."""
        for experience in self.train_stream:
            names = [self.category_of[column] for column in experience.categories]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                count = len(self.order.categories)
                aligned = f"{canonical((1,) * count)}-{count}x{len(self.domains)}"
                raise UsageError(
                    f"--schedule {self.schedule}: experience {experience.index} has {twice[0]} "
                    "twice, under different domains; end an experience where a domain begins, as "
                    f"in {aligned}"
                )

    def training(self, index: int) -> Shown:
        """Column -> ids of its training images that experience `index` (1-based) shows."""
        return self._shown[index - 1]

    @cached_property
    def _shown(self) -> list[Shown]:
        groups = [experience.categories for experience in self.train_stream]
        images = {c: [item.content for item in self.manifest.train(c)] for c in self.columns}
        return blended(groups, images, self.blend, self.order.name)

    @property
    def test_stream(self) -> tuple[Experience, ...]:
        """The same experiences; each stands for its categories' test images."""
        return self.train_stream

    def seen(self, index: int) -> tuple[str, ...]:
        """The columns introduced up to and including experience `index` (1-based)."""
        return tuple(c for e in self.train_stream[:index] for c in e.categories)

    def as_avalanche(self) -> Any:
        """The stream as an Avalanche `CLScenario` of images with category targets."""
        from .avalanche import scenario

        training = [self.training(e.index) for e in self.train_stream]
        return scenario(self.manifest, self.order.categories, self.train_stream, training)
