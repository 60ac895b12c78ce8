"""Claims: what the authors of a method print, and what others print by the same definition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .groups import matching_quantity
from .rows import NOT_CONTINUAL, PublishedRow

Definition = tuple[str, str, str, str]
"""Dataset, schedule, metric and mean: numbers in one column agree in all four."""


@dataclass(frozen=True)
class Claim:
    """The published numbers of one method by one definition.

    Attributes:
        authors: the number of the method's authors; None if only others print one.
        others: the numbers of others by the same definition.
        forgetting: forgetting as the first of these sources prints it.
        elsewhere: numbers of the same method, stream and metric by other definitions.
    """

    authors: PublishedRow | None
    others: tuple[PublishedRow, ...]
    forgetting: PublishedRow | None
    elsewhere: tuple[PublishedRow, ...]

    @property
    def first(self) -> PublishedRow:
        return self.authors or self.others[0]

    @property
    def rows(self) -> tuple[PublishedRow, ...]:
        return (*([self.authors] if self.authors else []), *self.others)

    @property
    def definition(self) -> Definition:
        return _definition(self.first)

    @property
    def quantity(self) -> str | None:
        """Our quantity with the same definition, or None."""
        return matching_quantity(self.first)


def claims_of(rows: Iterable[PublishedRow]) -> dict[Definition, list[Claim]]:
    """Group the numbers of continual rows into claims, by definition.

    Two numbers of a method's authors are two claims; the numbers of others are part of the first.
    """
    rows = [row for row in rows if row.value is not None and row.acc_definition != NOT_CONTINUAL]
    numbers = [row for row in rows if row.acc_definition]
    methods: dict[tuple[Definition, str], list[PublishedRow]] = {}
    for row in numbers:
        methods.setdefault((_definition(row), row.method), []).append(row)
    claims: dict[Definition, list[Claim]] = {}
    for (definition, _), found in methods.items():
        of_authors = [row for row in found if row.run_by == "authors"]
        others = tuple(row for row in found if row.run_by == "others")
        for index, authors in enumerate(of_authors or [None]):
            mine = others if index == 0 else ()
            first = authors or mine[0]
            claims.setdefault(definition, []).append(
                Claim(authors, mine, _forgetting(rows, first), _elsewhere(numbers, first))
            )
    return claims


def _definition(row: PublishedRow) -> Definition:
    return row.dataset, row.schedule, row.metric, row.acc_definition


def _forgetting(rows: Sequence[PublishedRow], first: PublishedRow) -> PublishedRow | None:
    stream = (first.source, first.method, first.dataset, first.schedule)
    return next(
        (
            row
            for row in rows
            if row.metric == "forgetting"
            and row.of == first.metric
            and (row.source, row.method, row.dataset, row.schedule) == stream
        ),
        None,
    )


def _elsewhere(numbers: Sequence[PublishedRow], first: PublishedRow) -> tuple[PublishedRow, ...]:
    return tuple(
        row
        for row in numbers
        if (row.method, row.dataset, row.schedule, row.metric)
        == (first.method, first.dataset, first.schedule, first.metric)
        and row.acc_definition != first.acc_definition
    )
