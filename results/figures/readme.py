"""Draw the two figures of the README: `python -m cadbench.results.figures.readme [RUNS]`.

The README gives the command that makes the records.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..analysis.rows import rows_of
from ..errors import CadbenchError
from ..records.store import find_records
from .catalog import draw
from .drawing.style import WIDTHS, save, styled
from .selection import select_rows

FOLDER = Path("docs/figures")
SHOWN = ("experts", "tradeoff")


def main(runs: Path, folder: Path = FOLDER) -> list[Path]:
    """Draw both figures; return the paths that were written."""
    selection = select_rows(rows_of(find_records(runs)))
    paths = []
    with styled():
        for name in SHOWN:
            paths.append(folder / f"{name}.svg")
            drawn = draw(name, selection, WIDTHS["column"])
            save(drawn.figure, paths[-1], drawn.caption)
    return paths


if __name__ == "__main__":
    try:
        for path in main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs")):
            print(path)
    except CadbenchError as error:
        sys.exit(f"error: {error}")
