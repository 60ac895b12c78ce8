"""Read a leaderboard page that was written before, to keep rows whose records are not here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..analysis.quantities import quantity
from ..errors import UsageError
from ..rendering.markdown import DASH
from ..rendering.table import Spread, Value

TIER = "reproduced earlier"
MEANING = (
    "run by cadbench and copied from an earlier page, as it was printed; the records, named by "
    "their keys, are elsewhere"
)

_SPREAD = re.compile(r"(-?[\d.]+) ± ([\d.]+)")
_LABELS = ("method", "parameters", "backbone")
_RUNS = ("seeds", "orders", "records")


@dataclass(frozen=True)
class EarlierPage:
    """The content of a page: rows by board title, texts by heading, versions."""

    boards: Mapping[str, tuple[Mapping[str, str], ...]]
    versions: tuple[str, ...]

    def rows(
        self, title: str, names: Sequence[str], ours: Sequence[tuple[Value, ...]]
    ) -> list[tuple[Value, ...]]:
        """The rows of a board that are not among `ours`: tier, labels, quantities `names`, runs.

        Rows are the same if method, parameters and backbone are equal.
        """
        known = {tuple(str(text or "") for text in row[1:4]) for row in ours}
        kept = []
        for row in self.boards.get(title, ()):
            labels = tuple(row.get(label, "") for label in _LABELS)
            if labels not in known:
                numbers = [_value(row.get(quantity(name).column.name, DASH)) for name in names]
                runs = [row.get(name, "") for name in _RUNS]
                kept.append((TIER, *labels, *numbers, *runs))
        return kept


def read_page(text: str, name: str) -> EarlierPage:
    """Parse a page that `leaderboard_page` wrote.

    Args:
        text: the Markdown.
        name: name of the file, for messages.

    Raises:
        UsageError: it is no such page, or a number cannot be parsed.
    """
    sections = dict(_parts(text, "## "))
    if "Run here" not in sections:
        raise UsageError(f"{name} is no page of `cadbench leaderboard --publish`")
    boards = {}
    try:
        for title, body in _parts(sections["Run here"], "### "):
            lines = [_cells(line) for line in body.splitlines() if line.startswith("|")]
            headings = [re.sub(r"\[\^\d+\]$", "", heading) for heading in lines[0]]
            rows = [dict(zip(headings, cells, strict=True)) for cells in lines[2:]]
            ours = tuple(row for row in rows if row["records"] not in ("", DASH))
            for row in ours:
                for heading in row.keys() - {"tier", *_LABELS, *_RUNS}:
                    _value(row[heading])
            boards[_plain(title)] = ours
    except (KeyError, ValueError, IndexError):
        raise UsageError(
            f"{name}: a table of it is damaged; delete the page or publish it again"
        ) from None
    listed = sections.get("Versions", "").splitlines()
    versions = [_plain(line[2:]) for line in listed if line.startswith("- ")]
    return EarlierPage(boards, tuple(versions))


def _parts(text: str, mark: str) -> list[tuple[str, str]]:
    """(heading, text below it) of each heading of that level."""
    found = re.split(rf"(?m)^{mark}(.*)$", text)[1:]
    return list(zip(found[::2], found[1::2], strict=True))


def _cells(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _value(text: str) -> Value:
    if text in ("", DASH):
        return None
    spread = _SPREAD.fullmatch(text)
    return Spread(float(spread[1]), float(spread[2]), 2) if spread else float(text)
