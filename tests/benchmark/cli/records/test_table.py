"""`cadbench table`: kinds, formats, rows by name, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from cadbench.results.rendering.table import Spread, Table, text_column

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import SMALL
from tests.results.paper_runs import write_paper_run


@pytest.fixture
def recorded(run_plates, out: Path) -> Path:
    """Two rows of mecad and one of finetune, over two seeds."""
    words = ("--method", "mecad", "--experts", "1-2", "--method", "finetune", *SMALL)
    done = run_plates("-q", *words, "--set", "finetune.bank_budget=10", "--seeds", "0-1")
    assert done.code == 0, done.err
    return out


@pytest.fixture
def table(call, recorded):
    return lambda *words: call("table", *words, "--out", recorded)


def test_the_papers_tables_of_one_set_of_records(table, tmp_path, recorded):
    from cadbench.results.records.store import find_records

    main = table("--format", "latex", "--label", "tab:main", "--caption", "Ours & theirs.")
    assert main.code == 0, main.err
    assert r"\caption{Ours \& theirs. Results: protocol plates-1x3-64-oracle@1, oracle" in main.out
    assert "seeds 0-1, order alphabetical, backbone" in main.out
    assert r"\label{tab:main}" in main.out
    for heading in ("AUROC", "BWT", "FM"):
        assert rf"{{{heading}\,$" in main.out
    # Files get their format from their name, and are the same as what is printed.
    for name, output in (("t.tex", "latex"), ("t.html", "html"), ("t.md", "markdown")):
        assert table("--to", tmp_path / name).out == ""
        assert (tmp_path / name).read_text("utf-8") == table("--format", output).out
    # One row by name, one run by its own key.
    for kind in ("matrix", "memory", "assignments"):
        of_row = table(kind, "mecad:experts=2").out
        assert of_row.count("### ") >= 1
        assert "mecad" in of_row
        assert "experts=1" not in of_row
    assert table("matrix", "mecad").out.count("### ") == 2
    record = next(r for r in find_records(recorded) if r.method == "finetune" and r.seed == 1)
    of_run = table("matrix", record.key[:8], "--metric", "ap").out
    assert of_run.count("### Matrix of ap: finetune") == 1
    assert ", seed 1," in of_run
    assert table("assignments").out.count("finetune") == 0


def test_digits_deviations_and_marks_can_be_chosen(table):
    shown = table("--columns", "acc", "--digits", "1", "--highlight", "best").out
    assert "± 0." in shown or "no ±" in shown
    assert "0.00" not in shown
    plain = table("--columns", "acc", "--no-deviation", "--digits", "4").out
    assert "±" not in plain
    assert "**" not in plain
    experts = table("experts", "--columns", "fm", "--format", "csv").out.splitlines()[0]
    assert "fm" in experts
    assert "AUROC" not in experts
    for by, first in (("method", "finetune"), ("-method", "mecad"), ("STORED mb", "finetune")):
        assert table("--sort", by, "--format", "csv").out.splitlines()[1].startswith(first)


def test_what_does_not_fit_is_refused_and_writes_nothing(table, tmp_path):
    file = tmp_path / "t.tex"
    for words, code, *said in (
        (["matrix", "--columns", "acc"], 2, "--columns", "main", "matrix"),
        (["--metric", "ap"], 2, "--metric", "matrix"),
        (["matrix", "--sort", "acc"], 2, "--sort", "main", "matrix"),
        (["--sort", "aucor"], 2, "'aucor' (did you mean AUROC?)", "available: method"),
        (["--sort", "forgetting"], 2, "did you mean fm?", "or the name of a metric: acc, "),
        (["curves"], 2, "no table 'curves', but a figure", "`cadbench figure curves`"),
        (["percategory"], 2, "did you mean per-category?"),
        (["memory", "--allow-mixed"], 2, "--allow-mixed"),
        (["--common", "--allow-mixed"], 2, "--allow-mixed and --common exclude each other"),
        (["published", "--methods", "mecad"], 2, "--methods", "published"),
        (["main", "mecda"], 2, "'mecda'", "did you mean mecad?"),
        (["main", "mecad:experts=9"], 2, "experts=9"),
        (["assignments", "finetune"], 2, "no method", "assigns"),
        (["experts", "--methods", "finetune"], 2, "experts"),
        (["--routing", "inferred"], 2, "--routing: no record has 'inferred'"),
        (["matrix", "--caption", "x"], 2, "--caption", "3", "select fewer rows"),
        (["--label", "a b", "--format", "latex"], 2, "--label 'a b'"),
        (["--label", "a"], 2, "--label", "latex"),
        (["--highlight", "best", "--format", "csv"], 2, "csv"),
        (["--digits", "0"], 2, "--digits"),
    ):
        assert_refused(
            table(*words, "--to", file) if "csv" in words else table(*words), code, *said
        )
    assert_refused(table("--to", tmp_path / "t.doc"), 2, "t.doc", ".tex")
    assert_refused(table("--to", tmp_path), 2, "--to")
    assert not list(tmp_path.glob("t.*"))


def test_published_rows_stand_in_latex_and_html_unranked(call, out):
    for room in (5, 6):
        write_paper_run(out, categories_per_expert=room)
    latex = call("table", "--published", "--format", "latex", "--out", out)
    assert latex.code == 0, latex.err
    assert latex.out.count(r"\midrule") == 2
    assert r"0.972\textsuperscript" not in latex.out
    assert "0.972{\\textsuperscript{" in latex.out
    html = call("table", "--published", "--format", "html", "--out", out).out
    quoted = html[html.index('<tbody class="quoted">') :]
    assert "<strong>" not in quoted
    assert "<u>" not in quoted


def test_a_terminal_shows_the_marks_too(monkeypatch, capsys):
    from cadbench.benchmark.cli.shared.table_output import Style, print_tables
    from cadbench.results.rendering.table import Column

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    rows = tuple((name, Spread(x, 0.1, 2)) for name, x in (("a", 0.2), ("b", 0.3), ("c", 0.1)))
    shown = Table("t", (text_column("m"), Column("x", 2, "higher")), rows)
    print_tables([shown], style=Style(highlight="second"))
    assert "0.30 ±0.10" in capsys.readouterr().out
