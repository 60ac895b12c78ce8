"""Publish records: merge them into the boards of a folder, and render the page beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..analysis.rows import Row
from ..published.rows import PublishedRow
from ..records.record import Record
from ..statistics.bootstrap import Bootstrap
from .badges import read_badges
from .board_file import BoardFile, merge, read_boards
from .board_rows import Describe, board_files, measure_difference
from .findings import read_page_text, rows_of_finding, write_finding
from .page import leaderboard_page


def page_of(folder: Path) -> Path:
    """The page beside the folder of a board: `results/LEADERBOARD.md` of `results/leaderboard`."""
    return folder.with_name(f"{folder.name.upper()}.md")


def files_to_publish(
    records: Sequence[Record],
    folder: Path,
    published: Iterable[PublishedRow],
    describe: Describe,
    command: str,
) -> dict[Path, bytes]:
    """The content of every file of a board, its page last; nothing is written.

    Args:
        records: the records; their rows replace those of the same configuration.
        folder: the folder of the board, which need not exist.
        published: published rows.
        describe: defaults and command of a row.
        command: the command that makes the page.

    Raises:
        UsageError: a file in the folder is damaged, or a finding of page.toml does not hold.
    """
    boards = {board.name: board for board in read_boards(folder)}
    text, badges, bootstrap = read_page_text(folder), read_badges(folder), Bootstrap()
    runs: dict[str, Row] = {}
    for new, rows in board_files(records, describe, bootstrap):
        boards[new.name] = merge(boards[new.name], new) if new.name in boards else new
        runs |= rows
    named = [rows_of_finding(finding, list(boards.values())) for finding in text.finding]
    for name, board in boards.items():
        pairs = [(row.id, board.best.id) for row in board.rows if board.best]
        pairs += [(one, other) for file, one, other in named if file == name]
        boards[name] = _compared(board, pairs, runs, bootstrap)
    findings = [
        write_finding(finding, boards[file], one, other)
        for finding, (file, one, other) in zip(text.finding, named, strict=True)
    ]
    ordered = sorted(boards.values(), key=lambda board: (-len(board.rows), board.name))
    page = leaderboard_page(ordered, text, findings, badges, published, command, folder.name)
    files = {folder / name: board.to_json() for name, board in sorted(boards.items())}
    return {**files, page_of(folder): page.encode("utf-8", "backslashreplace")}


def _compared(
    board: BoardFile,
    pairs: Iterable[tuple[str, str]],
    runs: Mapping[str, Row],
    bootstrap: Bootstrap,
) -> BoardFile:
    """The board with the differences of these pairs, as far as they are known."""
    found = (
        board.difference(*pair) or measure_difference(*pair, runs, bootstrap)
        for pair in dict.fromkeys(pairs)
        if pair[0] != pair[1]
    )
    return replace(board, differences=[each for each in found if each is not None])
