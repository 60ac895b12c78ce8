"""LaTeX: aligned, escaped, and accepted by a real TeX where there is one."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cadbench.results.published.rows import load_published
from cadbench.results.published.tables import published_tables
from cadbench.results.rendering.latex import latex_file, shrinking, to_latex
from cadbench.results.rendering.latex_escape import escape_latex
from cadbench.results.rendering.table import Column, Marked, Spread, Table, text_column
from hypothesis import given

from tests.results.hostile_names import PIECES, names

TABLE = Table(
    "results: protocol a_b@1",
    (
        text_column("method"),
        Column("AUROC", 3, "higher"),
        Column("stored vectors", 0, "lower"),
        Column("bwt", 3, "higher"),
        Column("p", 3, probability=True),
    ),
    (
        ("a_b", Spread(0.9, 0.01, 3), 12000, Spread(-0.1, 0.0, 3), 0.5),
        ("c", Spread(0.8, 0.02, 3), 400, Spread(0.05, 0.001, 3), 1e-9),
        ("d", Spread(0.7, math.nan, 1), 500, None, None),
        ("theirs", Marked(0.95, "[1,2]", "n"), None, None, None),
    ),
    ("AUROC: mean of R[T, c] - R[s, c]", "[1] n", "time: `--time`"),
    quoted=1,
)


def cells(text: str) -> list[list[str]]:
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    return [
        line.removesuffix(r" \\").split(" & ") for line in body.splitlines() if line.endswith(r"\\")
    ]


def test_numbers_are_bare_for_siunitx_with_what_follows_them_in_braces() -> None:
    rows = cells(to_latex(TABLE, "none"))
    assert rows[0] == [
        r"a\_b",
        r"0.900{\,$\pm$\,0.010}",
        "12000",
        r"-0.100{\,$\pm$\,0.000}",
        "0.500",
    ]
    assert rows[1][4] == r"{\textless{}0.001}"
    assert rows[2][1:] == ["0.700", "500", "{--}", "{--}"]
    assert rows[3][1] == r"0.950{\textsuperscript{1,2}}"


def test_a_column_has_room_for_its_widest_number() -> None:
    kinds = re.findall(r"S\[table-format=([-0-9.]+)", to_latex(TABLE))
    assert kinds == ["1.3", "5.0", "-1.3", "1.3"]


def test_the_best_is_bold_and_the_second_underlined_in_line_with_the_others() -> None:
    rows = cells(to_latex(TABLE))
    assert rows[0][1] == r"\bfseries 0.900{\,$\pm$\,0.010}"
    assert rows[1][1] == r"{\underline{0.800\,$\pm$\,0.020}}"
    assert rows[1][2] == r"\bfseries 400"
    assert rows[2][2] == r"{\hphantom{00}\underline{500}}"
    assert "bold: best, underlined: second best" in to_latex(TABLE)
    assert "underline" not in to_latex(TABLE, "best")


def test_quoted_rows_stand_below_a_rule() -> None:
    lines = to_latex(TABLE).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("theirs"))
    assert lines[place - 1] == r"\midrule"


def test_references_stand_apart_and_rows_near_the_best_are_marked() -> None:
    table = replace(TABLE, unranked=(0,), close=(2,), close_note="no significant difference")
    lines = to_latex(table, "none").splitlines()
    starts = [line.split(" ")[0] for line in lines[lines.index(r"\midrule") :]]
    marked = r"d\textsuperscript{\ensuremath{\dagger}}"
    assert starts[:7] == [
        *(r"\midrule", "c", marked, r"\midrule", r"a\_b", r"\midrule", "theirs"),
    ]
    assert r"\textsuperscript{\ensuremath{\dagger}}\,no significant difference." in lines


def test_names_are_those_of_papers_and_small_letters_have_a_warning() -> None:
    columns = (text_column("method"), *(Column(f"{m}", 3, "higher") for m in ("bwt", "a_b")))
    table = Table("Results: x", columns, (("stfpm+ewc", 0.1, 0.2),), ("MB: 10^6 bytes",))
    text = to_latex(table)
    assert "STFPM, EWC & 0.100 & 0.200" in text
    assert r"{BWT\,$\uparrow$} & {a b\,$\uparrow$}" in text
    assert "MB: $10^{6}$ bytes." in text
    assert shrinking(table) == ""
    assert r"\ifdim\wd0>1.5\linewidth" in text
    wide = Table("Wide: x", columns[:1] + columns[1:2] * 20, (("m", *[0.1] * 20),))
    assert re.search(r"by about 0\.\d\d .* letters of \d\.\d pt: .*sidewaystable", shrinking(wide))


def test_caption_label_and_notes_are_there() -> None:
    text = to_latex(TABLE, label="tab:x")
    assert r"\caption{Results: protocol a\_b@1.}" in text
    assert r"\label{tab:x}" in text
    assert r"\textsuperscript{1}\,n." in text
    assert r"mean of $R_{T, c} - R_{s, c}$" in text
    assert r"\texttt{-{}-time}" in text
    assert latex_file([TABLE, TABLE], label="t").count(r"\label{t-2}") == 1


def test_tables_without_a_label_have_one_made_from_their_title() -> None:
    other = replace(TABLE, title="results: protocol a_b@1, order random:0")
    labels = re.findall(r"\\label{(.+)}", latex_file([TABLE, other, TABLE]))
    assert len(set(labels)) == 3
    assert labels[1:2] == re.findall(r"\\label{(tab:results-[0-9a-f]{6})}", latex_file([other]))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a & b_c 5%", r"a \& b\_c 5\%"),
        ("\\x{y}$#~^", r"\textbackslash{}x\{y\}\$\#\textasciitilde{}\textasciicircum{}"),
        ("a--b a-b", "a-{}-b a-b"),
        ("[x] y[", "{[}x] y["),
        ("é Ω 中", r"\'{e} \ensuremath{\Omega} \anychar{中}{4E2D}"),
        ("a\n\tb", "a b"),
        ("\x07", r"\texttt{U+0007}"),
    ],
)
def test_text_is_escaped(text: str, escaped: str) -> None:
    assert escape_latex(text) == escaped


@given(names)
def test_no_text_keeps_a_character_that_does_something(text: str) -> None:
    rest = escape_latex(text)
    for known in (
        r"\\anychar\{.\}\{[0-9A-F]+\}",
        r"\\ensuremath\{[-\\A-Za-z^0-9]+\}",
        r"\\texttt\{U\+[0-9A-F]+\}",
        r"\\[A-Za-z]+\{[A-Za-z]?\}",
        r"\\[`'^~=.\"]\{[A-Za-z]?\}",
        r"\\[&%_#${}]",
        r"\{(?:\[|\*|''|``|`|')?\}",
    ):
        rest = re.sub(known, "", rest)
    assert not re.search(r"[\\{}$&#%_^~<>|\"`\n]", rest), rest
    assert rest.isascii()


def compiled(folder: Path, body: str) -> str:
    """The text of the pages, after a run without errors or overfull lines."""
    source = (
        r"\documentclass{article}\usepackage{booktabs,graphicx,siunitx}"
        + f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    (folder / "t.tex").write_text(source, "utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "t.tex"]
    run = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
    log = run.stdout.decode("utf-8", "replace")
    wrong = [line for line in log.splitlines() if line.startswith(("!", "Overfull"))]
    assert run.returncode == 0, log[-3000:]
    assert wrong == []
    words = ["pdftotext", "-layout", "t.pdf", "-"]
    return subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout.decode()


def has_tex() -> bool:
    """Whether there is a TeX with the packages that tables need."""
    if not (shutil.which("pdflatex") and shutil.which("pdftotext") and shutil.which("kpsewhich")):
        return False
    words = ["kpsewhich", "booktabs.sty", "graphicx.sty", "siunitx.sty"]
    return len(subprocess.run(words, capture_output=True, check=False).stdout.split()) == 3


needs_tex = pytest.mark.skipif(not has_tex(), reason="no pdflatex with booktabs and siunitx")


@needs_tex
def test_tex_accepts_narrow_and_wide_tables(tmp_path: Path) -> None:
    numbers = tuple(Column(f"category {n}", 3, "higher") for n in range(30))
    values = tuple(Spread(0.9 - n / 100, 0.01, 3, 0.8, 0.99) for n in range(30))
    wide = Table("wide", (text_column("m"), *numbers), (("a", *values), ("b", *values[::-1])))
    empty = Table("empty", (text_column("m"), Column("x", 2)), ())
    published = published_tables(load_published())
    text = compiled(tmp_path, latex_file([TABLE, wide, empty, *published], label="tab:a"))
    assert "0.900 ± 0.010" in text
    assert "Table 2: Wide." in text


@needs_tex
def test_tex_prints_hostile_text_as_it_is(tmp_path: Path) -> None:
    rows = tuple((f"{piece}x{piece}y", n, f"q{n}") for n, piece in enumerate(PIECES))
    columns = (text_column("a_\\b&"), Column("$x^2 %#{}", 0), text_column("~"))
    tables = [
        Table(r"100% of \foo{} & $x$ -- [a]", columns, rows[start : start + 25], ("a % b [c] ~",))
        for start in range(0, len(rows), 25)
    ]
    text = compiled(tmp_path, latex_file(tables))
    # The default font draws _, ^ and ~ as rules and accents, which have no text.
    for shown in (
        *(r"100% of \foo{} & $x$ -- [a]", "&x&y", "%x%y", "#x#y", "$x$y", "{x{y", "}x}y"),
        *(r"\x\y", r"\\x\\y", "<x<y", "|x|y", "[x[y", "*x*y", "--x--y", "---x---y"),
        *(r"\end{tabular}x\end{tabular}y", r"\input{x}x\input{x}y", "<script>x<script>y"),
        *("&#60;x&#60;y", "1. x1. y", "U+4E2DxU+4E2Dy", "±x±y", "ßxßy", "q71"),
    ):
        assert shown in text, shown
