"""Fit a table into a terminal: which columns to show, how wide, and in how many blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .markdown import display
from .table import Column, Spread, Table
from .wrapping import text_width

GAP = 2
"""Spaces between columns."""

COMFORT = 12
"""Characters below which columns of words are not squeezed, except to their longest word."""

_LONGEST_WORD = 32
"""Longer words in columns of words, such as protocol ids, may be broken."""

_NARROWEST = 8
"""Characters of a column of words in a terminal that is too narrow for its longest word."""

Breaks: TypeAlias = Literal["nowhere", "headings", "numbers"]
"""What may be broken into several lines: nothing, headings, or also numbers before `±` and `[`."""


@dataclass(frozen=True)
class Block:
    """Columns that are printed side by side: their indices in the table and their widths."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Fitted:
    """The layout of a table on a terminal.

    Attributes:
        constants: name and value of the columns of words that are the same in all measured rows.
        hidden: headings of the columns that are left out.
        blocks: the parts of the table, to be printed one below the other.
    """

    constants: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    blocks: tuple[Block, ...]


def fit(table: Table, width: int) -> Fitted:
    """Fit a table into this many characters.

    Numbers are never broken inside. In this order, until the table fits: headings are broken,
    then numbers before `±`; columns are hidden in the order of `Column.hide`; the table is split
    into blocks, which repeat the columns that tell the rows apart.
    """
    constants = _constant_columns(table)
    columns = [place for place in range(len(table.columns)) if place not in constants]
    sizes = {place: _Sizes.of(table, place) for place in columns}
    hideable = sorted(
        (place for place in columns if table.columns[place].hide),
        key=lambda place: table.columns[place].hide,
    )
    hidden: list[int] = []
    while (block := _block(columns, sizes, width)) is None and hideable:
        hidden.append(hideable.pop(0))
        columns.remove(hidden[-1])
    blocks = _blocks(columns, _labels(table, columns), sizes, width) if block is None else [block]
    return Fitted(
        tuple((table.columns[c].name, cell_text(table, 0, c)) for c in constants),
        tuple(table.columns[c].name for c in sorted(hidden)),
        tuple(blocks),
    )


def cell_text(table: Table, row: int, column: int) -> str:
    """The text of a cell; a number has spaces only where it may be broken."""
    text = display(table.rows[row][column], table.columns[column])
    numeric = table.columns[column].numeric
    return text.replace("± ", "±").replace(", ", ",") if numeric else text


@dataclass(frozen=True)
class _Sizes:
    """The widths that a column can have."""

    numeric: bool
    nowhere: int
    headings: int
    numbers: int

    @classmethod
    def of(cls, table: Table, place: int) -> _Sizes:
        column = table.columns[place]
        cells = [cell_text(table, row, place) for row in range(len(table.rows))]
        heading = max(map(text_width, heading_words(column)))
        if column.numeric:
            return cls(
                True,
                nowhere=max([text_width(column.name), *map(text_width, cells)]),
                headings=max([heading, *map(text_width, cells)]),
                numbers=max([heading, *map(_longest_word, cells)]),
            )
        full = max([text_width(column.name), *map(text_width, cells)])
        words = max([_longest_word(column.name), *map(_longest_word, cells)])
        least = min(max(words, COMFORT), full, _LONGEST_WORD)
        return cls(False, nowhere=full, headings=least, numbers=least)

    def least(self, breaks: Breaks) -> int:
        """The smallest width; columns of words are broken before numbers and their headings are."""
        return self.numbers if not self.numeric else int(getattr(self, breaks))


def heading_words(column: Column) -> list[str]:
    """The parts of a heading between which it may be broken: words, also at underscores."""
    return column.name.replace("_", "_ ").split(" ")


def _constant_columns(table: Table) -> list[int]:
    """The columns of words that have the same word in all measured rows, if there are several.

    Quoted rows have the same word or none.
    """
    measured = table.rows[: len(table.rows) - table.quoted]
    if len(measured) < 2:
        return []
    found = []
    for place, column in enumerate(table.columns):
        value = table.rows[0][place]
        if column.numeric or any(row[place] != value for row in measured):
            continue
        if all(row[place] in (value, None) for row in table.rows):
            found.append(place)
    return found if len(found) < len(table.columns) else found[1:]


def _labels(table: Table, columns: Sequence[int]) -> list[int]:
    """The first columns, as many as tell the rows apart."""
    words: list[int] = []
    for place in columns:
        cells = [row[place] for row in table.rows]
        if words and (table.columns[place].better or any(isinstance(c, Spread) for c in cells)):
            break
        words.append(place)
        if len({tuple(row[c] for c in words) for row in table.rows}) == len(table.rows):
            return words
    return words[:1] + [place for place in words[1:] if not table.columns[place].numeric]


def _block(
    columns: Sequence[int],
    sizes: dict[int, _Sizes],
    width: int,
    allowed: Iterable[Breaks] = ("nowhere", "headings", "numbers"),
) -> Block | None:
    """The columns side by side, with as few breaks as possible; None if they do not fit."""
    room = width - GAP * (len(columns) - 1)
    for breaks in allowed:
        least = [sizes[place].least(breaks) for place in columns]
        if sum(least) <= room:
            wanted = [
                least if sizes[place].numeric else sizes[place].nowhere
                for place, least in zip(columns, least, strict=True)
            ]
            return Block(tuple(columns), _widened(least, wanted, room - sum(least)))
    return None


def _blocks(
    columns: Sequence[int], labels: Sequence[int], sizes: dict[int, _Sizes], width: int
) -> list[Block]:
    """Blocks that all begin with the labels; each holds as many other columns as fit."""
    others = [place for place in columns if place not in labels]
    found: list[Block] = []
    while others or not found:
        for count in range(len(others), 1, -1):
            if block := _block([*labels, *others[:count]], sizes, width, ["nowhere", "headings"]):
                break
        else:
            count, columns = 1, [*labels, *others[:1]]
            block = _block(columns, sizes, width) or _squeezed(columns, sizes, width)
        found.append(block)
        others = others[count:]
    return found


def _squeezed(columns: Sequence[int], sizes: dict[int, _Sizes], width: int) -> Block:
    """A block that is too wide: words share what the numbers leave, and are broken inside."""
    wanted = [sizes[c].numbers if sizes[c].numeric else sizes[c].nowhere for c in columns]
    least = [
        full if sizes[c].numeric else min(_NARROWEST, full)
        for c, full in zip(columns, wanted, strict=True)
    ]
    room = width - GAP * (len(columns) - 1)
    return Block(tuple(columns), _widened(least, wanted, room - sum(least)))


def _widened(widths: Sequence[int], wanted: Sequence[int], spare: int) -> tuple[int, ...]:
    """Spread spare width over the columns below their wanted width, narrowest first."""
    widened = list(widths)
    for _ in range(spare):
        short = [index for index, width in enumerate(widened) if width < wanted[index]]
        if not short:
            break
        widened[min(short, key=widened.__getitem__)] += 1
    return tuple(widened)


def _longest_word(text: str) -> int:
    return max(map(text_width, text.split(" ")))
