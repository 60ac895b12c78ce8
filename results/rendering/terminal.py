"""Draw tables on a terminal, so that they fit its width."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .fitting import GAP, Block, cell_text, fit
from .highlight import Highlight, Mark, marks
from .table import Table
from .trimming import without_redundant_columns
from .wrapping import wrap_cell, wrap_words

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod

MORE = "`cadbench table --columns A,B`, --to FILE or a wider terminal shows them"
"""How to get columns that do not fit."""

_STYLES: Mapping[Mark, str] = {"best": "bold", "second": "underline"}


def draw(table: Table, console: Console, highlight: Highlight = "none", more: str = MORE) -> None:
    """Draw a table.

    Words that are the same in all rows are in a line above it. A line below it names the columns
    that do not fit.

    Args:
        table: the table.
        console: the terminal.
        highlight: which values to mark.
        more: how to get the columns that do not fit.
    """
    from rich.text import Text

    def write(text: str, style: str = "") -> None:
        console.print(Text(wrap_words(text, console.width), style=style), soft_wrap=True)

    table = without_redundant_columns(table)
    fitted = fit(table, console.width)
    write(table.title, "bold")
    if fitted.constants:
        rows = "measured rows" if table.quoted else "rows"
        write(f"in all {rows}: {', '.join(map(' '.join, fitted.constants))}")
    for number, block in enumerate(fitted.blocks):
        if number:
            console.print()
        _draw_block(table, block, console, highlight)
    explained = {name.removesuffix(" %") for name in fitted.hidden}
    notes = [note for note in table.notes if note.partition(":")[0] not in explained]
    if fitted.hidden:
        notes.append(f"hidden: {', '.join(fitted.hidden)}; {more}")
    if notes:
        console.print()
    for note in notes:
        write(note, "dim")


def to_text(table: Table) -> str:
    """Return the table as text without styles, as wide as the terminal."""
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    console = Console(file=text, width=shutil.get_terminal_size().columns, color_system=None)
    draw(table, console, more="to_frame() has them")
    return text.getvalue()


def _draw_block(table: Table, block: Block, console: Console, highlight: Highlight) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for place, width in zip(block.columns, block.widths, strict=True):
        column = table.columns[place]
        heading = Text(wrap_cell(column.name, width, breakable=True))
        side: JustifyMethod = "right" if column.numeric else "left"
        grid.add_column(heading, justify=side, width=width, overflow="fold")
    marked = marks(table, highlight)
    last_own = len(table.rows) - table.quoted
    for row in range(len(table.rows)):
        cells = []
        for place, width in zip(block.columns, block.widths, strict=True):
            breakable = not table.columns[place].numeric
            text = wrap_cell(cell_text(table, row, place), width, breakable=breakable)
            cells.append(Text(text, _STYLES.get(marked[row][place], "")))
        grid.add_row(*cells, end_section=bool(table.quoted) and row + 1 == last_own)
    needed = sum(block.widths) + GAP * (len(block.widths) - 1)
    if needed > console.width:
        # The terminal breaks the lines; nothing is cut off.
        console = Console(width=needed, file=console.file)
    console.print(grid)
