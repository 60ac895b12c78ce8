"""The stream: categories in an order, divided into experiences, with drift and blending."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...results.counts import format_count
from ...results.errors import UsageError
from ..data.domains import Domain
from ..data.item import column_name
from ..data.manifest import Manifest
from .blending import TrainingIds, blend_experiences
from .holdout import hold_out
from .orders import Order
from .schedule import canonical, experience_sizes
from .settings import Unseen


@dataclass(frozen=True)
class Experience:
    """One step of the stream.

    Attributes:
        index: position in the stream, from 1.
        categories: the columns of R that it introduces. A column is a category, or a category
            that returns under a domain (`screw@dark:2`).
    """

    index: int
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """The experiences of a dataset.

    Attributes:
        manifest: the images; with `domains`, a manifest that `add_domains` made.
        order: order of the categories.
        schedule: sizes of the experiences as the user wrote them, possibly with a `*`.
        domains: after the pass over the categories, every category returns under each of these, in
            the same order.
        blend: share of the training images of a column that appear in a neighboring experience
            (see `streams.blending`).
        holdout: share of the training images of each column that no experience has (see
            `streams.holdout`).
    """

    manifest: Manifest
    order: Order
    schedule: str = "1x*"
    domains: tuple[Domain, ...] = ()
    blend: float = 0.0
    holdout: float = 0.0

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of R in stream order: the categories, then their returns."""
        return tuple(self.category_of)

    @cached_property
    def category_of(self) -> dict[str, str]:
        """The category of each column, in stream order."""
        categories = self.order.categories
        returns = {column_name(c, d): c for d in self.domains for c in categories}
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
                f"more for each of {format_count(len(self.domains), 'domain')}"
            ) from None

    @property
    def resolved_schedule(self) -> str:
        """The schedule with every number written out: `1x*` over 15 categories is `1x15`."""
        return canonical(self._sizes)

    @cached_property
    def train_stream(self) -> tuple[Experience, ...]:
        """The experiences in order, for training."""
        experiences = []
        start = 0
        for index, size in enumerate(self._sizes, start=1):
            experiences.append(Experience(index, self.columns[start : start + size]))
            start += size
        return tuple(experiences)

    def refuse_returns_within_an_experience(self) -> None:
        """Raise `UsageError` if an experience has a category under two domains."""
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

    def training(self, index: int) -> TrainingIds:
        """Ids of the training images in experience `index` (from 1), by column."""
        return self._training_ids[index - 1]

    def held_out(self, column: str) -> tuple[str, ...]:
        """Ids of the training images of a column that no experience has, sorted."""
        return self._held_out[column]

    @cached_property
    def _held_out(self) -> dict[str, tuple[str, ...]]:
        return {c: hold_out(self.manifest.train(c), self.holdout) for c in self.columns}

    @cached_property
    def _training_ids(self) -> list[TrainingIds]:
        groups = [experience.categories for experience in self.train_stream]
        held_out = self._held_out
        images = {
            c: [i.content for i in self.manifest.train(c) if i.content not in held_out[c]]
            for c in self.columns
        }
        return blend_experiences(groups, images, self.blend, self.order.name)

    @property
    def test_stream(self) -> tuple[Experience, ...]:
        """The same experiences, for testing on the test images of their columns."""
        return self.train_stream

    def seen(self, index: int) -> tuple[str, ...]:
        """The columns introduced up to and including experience `index` (from 1)."""
        return tuple(c for e in self.train_stream[:index] for c in e.categories)

    def unseen(self, index: int, which: Unseen) -> tuple[str, ...]:
        """The columns of later experiences to score after experience `index` (from 1)."""
        later = (
            self.train_stream[index:] if which == "all" else self.train_stream[index : index + 1]
        )
        return () if which == "none" else tuple(c for e in later for c in e.categories)

    def needed(self, index: int, which: Unseen) -> tuple[str, ...]:
        """The columns that experience `index` (from 1) trains on or that are scored after it."""
        columns = *self.training(index), *self.seen(index), *self.unseen(index, which)
        return tuple(dict.fromkeys(columns))

    def as_avalanche(self) -> Any:
        """The stream as an Avalanche `CLScenario` of images with category targets."""
        from .avalanche import scenario

        training = [self.training(e.index) for e in self.train_stream]
        return scenario(self.manifest, self.order.categories, self.train_stream, training)
