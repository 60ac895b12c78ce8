"""The leaderboard as a Markdown page: every board, footnotes, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..analysis.quantities import quantity
from ..analysis.rows import Defaults
from ..counts import format_count
from ..published.rows import PublishedRow
from ..published.tables import tiered_tables
from ..published.tiers import TIERS
from ..records.provenance import provenance
from ..records.record import Record
from ..rendering.markdown import escape_markdown, to_markdown
from ..rendering.table import Table
from ..sanitizing import printable
from .boards import RECORDS_NOTE, board_claims, board_table, boards, earlier_table, quantity_names
from .earlier_page import MEANING, TIER, EarlierPage


def leaderboard_page(
    records: Sequence[Record],
    published: Iterable[PublishedRow],
    command: str,
    *,
    sort: str = "acc",
    defaults: Defaults | None = None,
    earlier: EarlierPage | None = None,
) -> str:
    """Write the page: boards of the records, every published number, definitions, versions.

    Args:
        records: the records.
        published: published rows.
        command: the command that makes the page; it is printed on the page.
        sort: a name of `analysis.quantities`.
        defaults: default parameters by method name.
        earlier: an earlier page; its rows are kept where there is no record.
    """
    published = list(published)
    names = quantity_names(sort)
    marks = {quantity(name).column.name: f"[^{number}]" for number, name in enumerate(names, 1)}
    ours = {
        board.title: board_table(board, sort, earlier)
        for board in boards(records, defaults=defaults, published=published)
    }
    if earlier is not None:
        for title in earlier.boards.keys() - ours.keys():
            ours[title] = earlier_table(title, earlier, sort)
    from_earlier = sum(row[0] == TIER for table in ours.values() for row in table.rows)
    theirs = tiered_tables(published)
    kept = f" and {format_count(from_earlier, 'row')} of an earlier page" if from_earlier else ""
    tiers = {**TIERS, TIER: MEANING} if from_earlier else TIERS
    versions = [f"{name}: {value}" for name, value in provenance(records).items()]
    if from_earlier and earlier is not None:
        versions += [line for line in earlier.versions if line not in versions]
    parts = [
        "# Leaderboard",
        f"{format_count(len(records), 'record')} of cadbench{kept}, best {_heading(sort)} first in "
        "each group. Rows of one group share data, protocol and routing; nothing is ranked across "
        "groups, and published rows are not ranked with ours. Made by",
        _code_block(command),
        "\n".join(f"- **{tier}**: {meaning}" for tier, meaning in tiers.items()),
        "## Run here",
        *(to_markdown(_marked(table, marks)).rstrip() for _, table in sorted(ours.items())),
        f"- {RECORDS_NOTE}; `cadbench show KEY` opens one",
    ]
    if claims := board_claims(records, published, defaults):
        parts += [
            "## Claims",
            "What others print for the streams above, our number by the same definition, and "
            "whether they agree.",
            *(to_markdown(table).rstrip() for table in claims),
        ]
    if theirs:
        parts += [
            "## Published",
            "Each number under the definition that its source gives; a mean of another definition "
            "has a column of its own.",
            *(to_markdown(table).rstrip() for table in theirs),
        ]
    parts += [
        "## Versions",
        "\n".join(f"- {escape_markdown(line)}" for line in versions),
        "\n".join(f"[^{number}]: {quantity(name).note}" for number, name in enumerate(names, 1)),
    ]
    return "\n\n".join(parts) + "\n"


def _marked(table: Table, marks: dict[str, str]) -> Table:
    """The table with a footnote mark in the heading of each column."""
    columns = (
        replace(column, name=f"{column.name}{marks.get(column.name, '')}")
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def _code_block(command: str) -> str:
    """Write a command as a code block whose fence is longer than any in the command."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return f"{fence}bash\n{printable(command)}\n{fence}"


def _heading(name: str) -> str:
    return quantity(name).column.name
