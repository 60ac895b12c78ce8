"""A finished figure with its caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class FinishedFigure:
    """A figure and its caption: what is plotted, of which runs, and how it was computed."""

    figure: Figure
    caption: str
