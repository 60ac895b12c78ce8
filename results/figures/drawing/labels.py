"""Make texts fit: break names into lines, put legends below the axes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .style import LINE, SMALL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HANDLE = 0.45
"""Width in inches of a legend column without its text."""


def text_width(text: str, points: float = SMALL) -> float:
    """Width of one line of text in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(size=points), ismath=False
    )
    return float(width) / 72


def wrapped(name: str, limit: float, points: float = SMALL) -> str:
    """Break `name` into lines of at most `limit` inches, after spaces, `_`, `-`, `,` and `=`.

    Only a name without such a place is broken inside a word.
    """
    lines = [""]
    for piece in re.findall(r"[^\s_,=-]*(?:[\s_,=-]+|$)", name):
        if text_width((lines[-1] + piece).rstrip(), points) <= limit:
            lines[-1] += piece
            continue
        if lines[-1]:
            lines.append("")
        for character in piece:
            if text_width((lines[-1] + character).rstrip(), points) > limit and lines[-1]:
                lines.append("")
            lines[-1] += character
    return "\n".join(line.strip() for line in lines)


def wrapped_names(names: Iterable[str], limit: float) -> tuple[list[str], int]:
    """Break names into lines; also return the largest number of lines of a name."""
    found = [wrapped(name, limit) for name in names]
    return found, max((name.count("\n") + 1 for name in found), default=1)


def legend_below(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Add a legend below everything else; the figure grows by its height."""
    width, height = figure.get_size_inches()
    shown, lines = wrapped_names(labels, width - _HANDLE - 0.1)
    longest = max(text_width(line) for label in shown for line in label.split("\n"))
    columns = max(1, min(len(shown), int((width - 0.1) / (longest + _HANDLE))))
    rows = -(-len(shown) // columns)
    figure.set_size_inches(width, height + rows * lines * LINE + 0.05)
    figure.legend(
        handles,
        shown,
        loc="outside lower center",
        ncols=columns,
        columnspacing=1.0,
        labelspacing=0.25,
        borderpad=0.1,
        handletextpad=0.5,
    )
