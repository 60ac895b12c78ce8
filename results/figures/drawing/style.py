"""The one look of all figures: sizes, colors and fonts, and how a figure becomes a file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")
WIDTHS: Mapping[str, float] = {"column": 3.5, "page": 7.16}
"""Inches: a column and the page of a two-column journal."""

POINTS = 7.0
SMALL = 6.0
"""The size of the smallest text: print cannot be read below it."""

LINE = 0.125
"""Inches from one line of text to the next."""

MOST = 12
"""Lines or kinds of points that can still be told apart."""

HEAT = "cividis"
"""Sequential, even in lightness, and the same to color-blind readers."""

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe and Ito (2008), without the yellow that white paper swallows."""
_MARKERS = "os^DvPX<>*ph"
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)))

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
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
    "svg.fonttype": "path",  # the same shapes where the font is missing
    "svg.hashsalt": "cadbench",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw and save inside it: the user's own matplotlib settings change no figure."""
    import matplotlib.style

    with matplotlib.style.context(["default", _STYLE]):
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty figure of so many inches, whose layout makes room for all its texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def look(number: int) -> dict[str, Any]:
    """Color, marker and dashes of the line with this number; the first MOST all differ."""
    return {
        "color": color(number),
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _DASHES[number // len(_COLORS) % len(_DASHES)],
    }


def color(number: int) -> str:
    """The color with this number."""
    return _COLORS[number % len(_COLORS)]


def number_experiences(axes: Axes, experiences: int) -> None:
    """Ticks at the first experience and then at round numbers, all of them where they are few."""
    step = 1 if experiences <= 10 else 5 if experiences <= 50 else 10
    axes.set_xticks(sorted({1, *range(step, experiences + 1, step)}))
    axes.set_xlabel("experience")


def save(figure: Figure, path: Path, caption: str) -> None:
    """Write `figure` to `path`, whose ending chooses the format; the caption is its metadata.

    The same figure gives the same bytes: no file holds a date or a random number.
    """
    kind = path.suffix.lower().lstrip(".")
    dated: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    drawn = io.BytesIO()  # on a full disk the PDF writer hides why it fails
    figure.savefig(drawn, format=kind, metadata={"Title": caption, **dated.get(kind, {})})
    write_bytes(path, drawn.getvalue())
