"""The style of all figures: sizes, colors, fonts, and how a figure is written to a file."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...rendering.method_marks import COLORS, MARKERS, mark_of
from ...storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")
WIDTHS: Mapping[str, float] = {"column": 3.5, "page": 7.16}
"""Width of a column and of the page of a two-column journal, in inches."""

POINTS = 7.0
SMALL = 6.0
"""Smallest font size in points that is readable in print."""

LINE = 0.125
"""Line height in inches."""

MOST = 12
"""Number of lines or markers that a reader can still tell apart."""

HEAT = "viridis"
"""Sequential colors with even lightness, readable with color blindness; those of the report."""

_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
_FILLINGS = ("full", "none", "left")

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so it is on every machine
    "font.size": POINTS,
    "axes.labelsize": POINTS,
    "axes.titlesize": POINTS,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "text.parse_math": False,  # a category may be called $x$
    "axes.formatter.use_mathtext": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelpad": 2.0,
    "axes.titlepad": 3.0,
    "grid.linewidth": 0.3,
    "grid.color": "0.85",
    "lines.linewidth": 1.0,
    "lines.markersize": 3.2,
    "patch.linewidth": 0.6,
    **{f"{axis}tick.major.width": 0.6 for axis in "xy"},
    **{f"{axis}tick.minor.width": 0.4 for axis in "xy"},
    **{f"{axis}tick.major.size": 2.0 for axis in "xy"},
    **{f"{axis}tick.minor.size": 1.2 for axis in "xy"},
    **{f"{axis}tick.major.pad": 2.0 for axis in "xy"},
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # fonts embedded as TrueType, as journals want them
    "svg.fonttype": "path",  # paths look the same if the font is missing
    "svg.hashsalt": "cadbench",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Context manager for drawing and saving: the user's own matplotlib settings have no effect."""
    import matplotlib.style

    with matplotlib.style.context(["default", _STYLE]):
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, with a layout that makes room for all texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from .styled_figure import StyledFigure

    figure = StyledFigure(styled, figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def looks(methods: Sequence[str]) -> list[dict[str, Any]]:
    """Color, marker and dashes of the rows of a figure, given the method of each.

    Color and marker are those of the method in every figure. Further rows of one method differ in
    dashes and in the filling of the marker.
    """
    seen: Counter[str] = Counter()
    found = []
    for method in methods:
        number = seen[method]
        seen[method] += 1
        mark = mark_of(method)
        look = {
            "color": COLORS[mark.color],
            "marker": MARKERS[mark.marker],
            "linestyle": _DASHES[number % len(_DASHES)],
        }
        look["fillstyle"] = _FILLINGS[number // len(_DASHES) % len(_FILLINGS)]
        found.append(look)
    return found


def look(number: int) -> dict[str, Any]:
    """Color, marker and dashes of thing `number` that is no method, such as an expert."""
    return {
        "color": color(number),
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": _DASHES[number // len(COLORS) % 2],
    }


def color(number: int) -> str:
    """Color `number`."""
    return COLORS[number % len(COLORS)]


def number_experiences(axes: Axes, experiences: int) -> None:
    """Put ticks at the first experience and at round numbers, or at all experiences if they are
    few.
    """
    step = 1 if experiences <= 10 else 5 if experiences <= 50 else 10
    axes.set_xticks(sorted({1, *range(step, experiences + 1, step)}))
    axes.set_xlabel("experience")


def save(figure: Figure, path: Path, caption: str) -> None:
    """Write the figure to `path`; the ending chooses the format, the caption becomes metadata.

    Equal figures give equal bytes: no file holds a date or a random number.
    """
    kind = path.suffix.lower().lstrip(".")
    dated: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    drawn = io.BytesIO()  # on a full disk the PDF writer hides the cause
    figure.savefig(drawn, format=kind, metadata={"Title": caption, **dated.get(kind, {})})
    write_bytes(path, drawn.getvalue())
