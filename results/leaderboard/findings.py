"""What an editor adds to a board's page (page.toml): titles, and findings with their comparison."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..counts import format_count
from ..did_you_mean import suggestion
from ..errors import UsageError
from ..rendering.markdown import escape_markdown
from ..validation import convert, parse_toml
from .board_file import BoardFile, printed_names, read_bytes, row_names

FILE = "page.toml"


@dataclass(frozen=True)
class Title:
    """The heading of the board of a protocol, and a sentence below it."""

    board: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """A sentence, and the comparison that it rests on.

    Attributes:
        board: protocol id of the board.
        one: a row: `patchcore`, with what the page has in brackets `mecad:experts=3`.
        other: the row that it is compared with.
        expect: what the 95 % interval of the difference in final AUROC has to say.
        text: the sentence, in Markdown; `{one}` and `{other}` are the rows.
    """

    board: str
    one: str
    other: str
    expect: Literal["higher", "lower", "includes 0"]
    text: str


@dataclass(frozen=True)
class PageText:
    """The content of page.toml. intro: Markdown below the page's heading."""

    intro: str = ""
    board: tuple[Title, ...] = ()
    finding: tuple[Finding, ...] = ()


def read_page_text(folder: Path) -> PageText:
    """Read page.toml; raise `UsageError` if it is wrong."""
    file = folder / FILE
    text = read_bytes(file).decode("utf-8", "replace") if file.exists() else ""
    return convert(parse_toml(text, str(file)), PageText, str(file))


def rows_of_finding(finding: Finding, boards: Sequence[BoardFile]) -> tuple[str, str, str]:
    """The file of a finding's board, and the ids of its rows; raise `UsageError` without them."""
    found = [board for board in boards if board.protocol == finding.board]
    if len(found) != 1:
        near = suggestion(finding.board, [] if found else [board.protocol for board in boards])
        raise UsageError(f"{FILE}: {len(found)} boards have the protocol {finding.board!r}{near}")
    names = row_names(found[0].rows).items()
    ids = {":".join(filter(None, name)): row for row, name in names}
    for wanted in (finding.one, finding.other):
        if wanted not in ids:
            raise UsageError(
                f"{FILE}: {finding.board} has no row {wanted!r}{suggestion(wanted, ids)}; change "
                "or remove the finding"
            )
    return found[0].name, ids[finding.one], ids[finding.other]


def write_finding(finding: Finding, board: BoardFile, one: str, other: str) -> str:
    """The sentence with its comparison, in Markdown.

    Raises:
        UsageError: the rows were not compared, or the comparison says something else.
    """
    pair = f"{FILE}: {finding.one} and {finding.other} of {finding.board}"
    found = board.difference(one, other)
    if found is None:
        raise UsageError(f"{pair}: no comparison; publish the records of both rows together")
    says = ("higher" if found.difference > 0 else "lower") if found.excludes_zero else "includes 0"
    if says != finding.expect:
        raise UsageError(
            f"{pair}: the finding expects {finding.expect}, and the difference is {found}; "
            "change or remove the finding"
        )
    names = {row: escape_markdown(name) for row, name in printed_names(board.rows).items()}
    words = {"{one}": names[one], "{other}": names[other]}
    text = re.sub(r"\{one\}|\{other\}", lambda match: words[match[0]], finding.text)
    about = f"{format_count(found.runs, 'run')} each, {escape_markdown(board.protocol)}"
    return f"{text}<br><sub>{names[one]} − {names[other]}: {found}, {about}</sub>"
