"""Write tables as LaTeX: booktabs, numbers aligned by siunitx, best in bold, notes below."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .highlight import Highlight, Mark, legend, marks
from .latex_escape import METRICS, UNKNOWN, escape_latex, write_note
from .markdown import display
from .method_marks import printed_name
from .table import Column, Marked, Table, Value
from .trimming import without_redundant_columns

PREAMBLE = r"% needs \usepackage{booktabs,graphicx,siunitx}"

_WRAPPED = 32
"""Columns with longer words wrap their lines."""

_MANY = 10
"""Tables with more columns have narrower gaps between columns."""

TEXT_WIDTH = 345.0
"""Width in points of the text of LaTeX's article."""
_SMALL, _LEAST, _LETTER = 9.0, 6.0, 4.7
"""Points: the size of letters, the smallest that can be read in print, and the mean width."""
_WAY_OUT = "take fewer columns (--columns, or a table per part), or sidewaystable"

_DAGGER = "†"

_NUMBER = re.compile(r"(-?)(\d+)(\.\d+)?(?: ± (\S+))?(?: \[(.+)\])?")


def to_latex(table: Table, highlight: Highlight = "second", label: str | None = None) -> str:
    r"""Write a table as one floating environment; its title is the caption.

    The numbers of a column are aligned at the decimal point, together with what follows them: `±`,
    intervals and footnote marks. Rules set joint references and quoted rows apart. A wide table is
    shrunk to the width of the text; below 6 points LaTeX's log says so, and what to do.

    Args:
        table: the table.
        highlight: which cells to mark.
        label: the label for `\ref`; empty for none.
    """
    table = _in_groups(without_redundant_columns(table))
    found = marks(table, highlight)
    texts = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
    close = len(table.columns) > _MANY
    written = [
        _column(column, values, [row[place] for row in found], close)
        for place, (column, values) in enumerate(zip(table.columns, texts, strict=True))
    ]
    rows = [" & ".join(cells) + r" \\" for cells in zip(*(c.cells for c in written), strict=True)]
    for place in reversed(_first_of_groups(table)):
        rows.insert(place, r"\midrule")
    notes = [write_note(note) for note in table.notes]
    explained = filter(None, [legend(table, found, "bold", "underlined"), table.close_note])
    lines = [
        r"\begin{table}[tbp]",
        r"\centering",
        r"\small",
        rf"\caption{{{escape_latex(capitalized(table.title))}.}}",
        *([rf"\label{{{label}}}"] if label else []),
        r"\par\vspace{4pt}",
        *([r"\setlength{\tabcolsep}{3pt}"] if close else []),
        r"\renewcommand{\arraystretch}{1.1}",
        # Of siunitx 2; version 3 still reads it.
        r"\sisetup{detect-weight=true}",
        r"\sbox0{%",
        rf"\begin{{tabular}}{{{' '.join(column.kind for column in written)}}}",
        r"\toprule",
        " & ".join(column.heading for column in written) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}}%",
        rf"\ifdim\wd0>{_SMALL / _LEAST:g}\linewidth\GenericWarning{{}}{{LaTeX Warning: "
        rf"a table is shrunk to \the\numexpr100*\linewidth/\wd0\relax\space percent, below "
        rf"{_LEAST:g} pt: {_WAY_OUT}}}\fi",
        r"\resizebox{\ifdim\wd0>\linewidth\linewidth\else\wd0\fi}{!}{\usebox0}",
    ]
    notes[:0] = [write_note(note) for note in explained]
    if notes:
        lines += [
            r"\par\smallskip",
            r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
            *(f"{note}." for note in notes),
            r"\end{minipage}",
        ]
    lines.append(r"\end{table}")
    if any(r"\anychar" in line for line in lines):
        lines.insert(1, UNKNOWN)
    return "\n".join(lines) + "\n"


def shrinking(table: Table) -> str:
    """Warn if LaTeX would shrink the table below 6 points in a text of `TEXT_WIDTH`; else empty.

    The width is estimated from the number of characters. The file itself warns exactly, in the log.
    """
    table = without_redundant_columns(table)
    gap = 6 if len(table.columns) > _MANY else 12
    width = 0.0
    for place, column in enumerate(table.columns):
        cells = [len(_plain(row[place], column)) for row in table.rows]
        longest = max([*cells, *map(len, column.name.split())], default=0)
        width += _LETTER * (longest if column.numeric else min(longest, _WRAPPED)) + gap
    factor = TEXT_WIDTH / width
    if factor * _SMALL >= _LEAST:
        return ""
    return (
        f"the table {table.title.partition(':')[0]!r} is shrunk by about {factor:.2f} in a text "
        f"{TEXT_WIDTH:g} pt wide, to letters of {factor * _SMALL:.1f} pt: {_WAY_OUT}"
    )


def latex_file(
    tables: Iterable[Table], highlight: Highlight = "second", label: str | None = None
) -> str:
    """Write several tables below each other, after a comment that names the LaTeX packages.

    Without a label, each has one that depends only on its title.
    """
    labeled: dict[str, Table] = {}
    for number, table in enumerate(tables, 1):
        own = label or _label_of(table.title)
        labeled[f"{own}-{number}" if number > 1 and (label or own in labeled) else own] = table
    parts = [to_latex(table, highlight, own) for own, table in labeled.items()]
    return "\n".join([PREAMBLE + "\n", *parts])


def _label_of(title: str) -> str:
    """A label such as `tab:matrix-of-auroc-1a2b3c`: what the title begins with, and its digest."""
    what = re.sub("[^a-z0-9]+", "-", title.partition(":")[0].lower()).strip("-")
    return f"tab:{what}-{hashlib.sha256(title.encode('utf-8', 'replace')).hexdigest()[:6]}"


def capitalized(title: str) -> str:
    """Return a title as a caption begins: with a capital letter and no full stop at the end."""
    title = title.rstrip(". ")
    return title[:1].upper() + title[1:] if title.split(" ")[0].rstrip(":").isalpha() else title


def _in_groups(table: Table) -> Table:
    """The table with names as papers print them: contenders, then references, then quoted rows."""
    last = len(table.rows) - table.quoted
    ranked = [place for place in range(last) if place not in table.unranked]
    order = [*ranked, *table.unranked, *range(last, len(table.rows))]
    rows = []
    for place in order:
        row = list(table.rows[place])
        for k, column in enumerate(table.columns):
            if column.name in ("method", "row", "against") and isinstance(row[k], str):
                name, space, rest = row[k].partition(" ")
                row[k] = printed_name(name) + space + rest
        if place in table.close:
            row[0] = Marked(str(row[0]), _DAGGER, table.close_note)
        rows.append(tuple(row))
    note = f"{_DAGGER} {table.close_note}" if table.close else table.close_note
    references = tuple(range(len(ranked), last))
    return replace(table, rows=tuple(rows), unranked=references, close=(), close_note=note)


def _first_of_groups(table: Table) -> list[int]:
    """The places of the first reference and of the first quoted row, where others precede them."""
    last = len(table.rows) - table.quoted
    places = {last - len(table.unranked), last}
    return sorted(place for place in places if 0 < place < len(table.rows))


@dataclass(frozen=True)
class _Written:
    """A column as LaTeX: its column type, its heading and its cells."""

    kind: str
    heading: str
    cells: list[str]


@dataclass(frozen=True)
class _Parts:
    """A number as siunitx aligns it: sign and digits, and the text that follows (`tail`)."""

    sign: str
    whole: str
    decimals: str
    tail: str
    length: int  # of the tail as it is read

    @property
    def number(self) -> str:
        return self.sign + self.whole + self.decimals


def _column(
    column: Column, values: Sequence[Value], found: Sequence[Mark], close: bool
) -> _Written:
    if not column.numeric:
        cells = [_word(value, column) for value in values]
        longest = max((len(_plain(value, column)) for value in values), default=0)
        width = rf">{{\raggedright\arraybackslash}}p{{{_WRAPPED // 2}em}}"
        return _Written(width if longest > _WRAPPED else "l", escape_latex(_printed(column)), cells)
    parts = [_parts(value, column) for value in values]
    numbers = [each for each in parts if each is not None]
    room = _Parts(
        max((each.sign for each in numbers), default=""),
        max((each.whole for each in numbers), key=len, default="0"),
        max((each.decimals for each in numbers), key=len, default=""),
        *max(((each.tail, each.length) for each in numbers), key=lambda t: t[1], default=("", 0)),
    )
    cells = []
    for value, each, mark in zip(values, parts, found, strict=True):
        if each is None:
            cells.append(f"{{{_word(value, column)}}}")
        elif mark == "second":
            cells.append(_underlined(each, room))
        else:
            bold = r"\bfseries " if mark == "best" else ""
            cells.append(bold + each.number + (f"{{{each.tail}}}" if each.tail else ""))
    digits = f"{room.sign}{len(room.whole)}.{max(len(room.decimals) - 1, 0)}"
    post = f",table-space-text-post={{{room.tail}}}" if room.tail else ""
    heading = _heading(column, len(room.number) + room.length, close)
    return _Written(f"S[table-format={digits}{post}]", heading, cells)


def _parts(value: Value, column: Column) -> _Parts | None:
    """Split a value for siunitx; None if the cell holds no number that can be aligned."""
    mark = ""
    if isinstance(value, Marked):
        mark, value = value.mark, value.value
    if value is None or isinstance(value, str):
        return None
    match = _NUMBER.fullmatch(display(value, column))
    if match is None:
        return None
    sign, whole, decimals, deviation, interval = match.groups(default="")
    tail = rf"\,$\pm$\,{deviation}" if deviation else ""
    # Its own braces, as an option's value must not hold a bare bracket.
    ends = interval.replace("-", "$-$")
    tail += f" {{[}}{ends}{{]}}" if interval else ""
    tail += rf"\textsuperscript{{{_superscript(mark)}}}" if mark else ""
    length = len(deviation and f" ± {deviation}") + len(interval and f" [{interval}]") + len(mark)
    return _Parts(sign, whole, decimals, tail, length)


def _underlined(each: _Parts, room: _Parts) -> str:
    """Underline a number outside siunitx, padded so that it stays aligned with the others."""
    before = (r"$-$" if room.sign and not each.sign else "") + room.whole[len(each.whole) :]
    missing = "" if each.decimals else room.decimals
    after = missing + (room.tail if not each.tail else "0" * (room.length - each.length))
    shown = each.number.replace("-", "$-$") + each.tail
    return f"{{{_blank(before)}\\underline{{{shown}}}{_blank(after)}}}"


def _blank(text: str) -> str:
    return rf"\hphantom{{{text}}}" if text else ""


def _heading(column: Column, room: int, close: bool) -> str:
    """Write a heading: broken into lines if it is wide, rotated if the columns are narrow."""
    arrow = {"higher": r"\,$\uparrow$", "lower": r"\,$\downarrow$", None: ""}[column.better]
    words = _printed(column).split()
    lines = textwrap.wrap(" ".join(words), max([room, *map(len, words)]), break_on_hyphens=False)
    if close and max(map(len, lines)) > room + 1:
        return rf"{{\rotatebox{{90}}{{{escape_latex(_printed(column))}{arrow}}}}}"
    broken = r" \\ ".join(map(escape_latex, lines)) + arrow
    return (
        rf"{{\begin{{tabular}}[b]{{@{{}}c@{{}}}}{broken}\end{{tabular}}}}"
        if len(lines) > 1
        else f"{{{broken}}}"
    )


def _printed(column: Column) -> str:
    """A heading as papers print it: `BWT`, `gap to joint`; names of categories stay,
    and those of methods are as in rows."""
    if not column.better:
        name, space, rest = column.name.partition(" ")
        return printed_name(name) + space + rest
    words = (METRICS.get(word, word.replace("_", " ")) for word in column.name.split(" "))
    return " ".join(words)


def _word(value: Value, column: Column) -> str:
    """Write a value that is not aligned, with its footnote mark."""
    mark = value.mark if isinstance(value, Marked) else ""
    raised = rf"\textsuperscript{{{_superscript(mark)}}}" if mark else ""
    return escape_latex(_plain(value, column)) + raised


def _plain(value: Value, column: Column) -> str:
    return display(value.value if isinstance(value, Marked) else value, column)


def _superscript(mark: str) -> str:
    return escape_latex(mark.removeprefix("[").removesuffix("]"))
