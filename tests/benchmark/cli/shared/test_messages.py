"""Messages: on a terminal they break between words, and control characters are escaped."""

from __future__ import annotations

import pytest
from cadbench.benchmark.cli.main import run
from cadbench.benchmark.cli.shared.messages import echo

PATH = "/data/" + "folder/" * 10


def pretend_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let standard output and standard error be terminals of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
        monkeypatch.setattr(f"sys.{stream}.fileno", lambda: 1)


def test_a_message_on_a_terminal_breaks_between_words_and_a_path_stays_whole(capsys, monkeypatch):
    pretend_terminal(monkeypatch)
    echo(f"all records of this run are in the folder {PATH}", indent=2)
    assert capsys.readouterr().out == f"all records of this run are in the\n  folder\n  {PATH}\n"
    echo("warning: " + "word " * 9, err=True)
    assert max(map(len, capsys.readouterr().err.splitlines())) <= 40


def test_elsewhere_a_message_is_one_line_without_control_characters(capsys):
    echo(f"all records of \x1b[1mthis\x1b[0m run\nare in {PATH}")
    assert capsys.readouterr().out == (f"all records of \\x1b[1mthis\\x1b[0m run\\nare in {PATH}\n")


def test_errors_break_between_words(capsys, monkeypatch):
    pretend_terminal(monkeypatch)
    assert run(["table", "--out", "no-such-folder-of-records"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40
