"""Progress: bars on a terminal, plain lines elsewhere, and nothing that a name could break."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest
from cadbench.benchmark.progress import pace
from cadbench.benchmark.progress.bars import Bars
from cadbench.benchmark.progress.choose_reporter import choose_reporter
from cadbench.benchmark.progress.lines import Lines, Quiet
from cadbench.benchmark.system.reporting import Reporter

ODD = "plates [/bold] [red]7[/red] [[x]"


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace.time, "monotonic", clock)
    return clock


def work(reporter: Reporter, clock: Clock) -> None:
    """Cells, one with an odd name; images at 16 a second, told every 2 seconds."""
    with reporter.task("cells", 2, "cells") as cells:
        with reporter.task("extracting features", 128, "images") as images:
            for _ in range(4):
                clock.now += 2
                images.advance(32)
        for _ in range(2):
            with reporter.task(ODD, 3, "experiences") as experiences:
                clock.now += 9
                experiences.advance(3)
            reporter.line(f"{ODD}: acc 0.9")
            cells.advance()
        reporter.detail(f"detail {ODD}")
        reporter.warn(f"odd {ODD}")


def test_lines_tell_rate_and_time_left_now_and_then_and_have_no_control_characters(clock, capsys):
    work(Lines(0), clock)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "extracting features: 96/128, 16.0 images/s, 2 s left",
        "extracting features: 128 images in 8.0 s, 16.0 images/s",
        f"{ODD}: acc 0.9",
        f"{ODD}: acc 0.9",
        f"warning: odd {ODD}",
    ]


def test_lines_of_hours_of_work_are_few(clock, capsys):
    with Lines(0).task("reading images", 7200, "images") as task:
        for _ in range(7200):
            clock.now += 1
            task.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("reading images: 5/7200, ")
    assert 110 < len(lines) < 150


def test_lines_about_cells_tell_the_elapsed_time_and_what_is_left(clock, capsys):
    kinds = [("a", "x=1")] * 5
    with Lines().task("cells", 5, "cells", kinds) as task:
        for _ in range(5):
            clock.now += 20
            task.advance(kind=kinds[0])
    assert capsys.readouterr().err.splitlines() == [
        "cells: 2/5, 0:40 elapsed, about 60 s left",
        "cells: 4/5, 1:20 elapsed, about 20 s left",
    ]


def test_work_that_all_cells_share_does_not_count_as_the_cost_of_the_first(clock, capsys):
    kinds = [("a", "")] * 4
    reporter = Lines()
    with reporter.task("cells", 4, "cells", kinds) as cells:
        with reporter.task("extracting features", 600, "images") as images:
            clock.now += 600
            images.advance(600)
        clock.now += 3
        cells.advance(kind=kinds[0])
    assert capsys.readouterr().err.splitlines()[-1] == ("cells: 1/4, 10:03 elapsed, about 9 s left")


def test_time_left_is_counted_down_while_a_cell_is_computed(clock):
    kinds = [("a", "")] * 3
    cells = pace.Pace("cells", 3, "cells", kinds)
    assert cells.times == "0:00 elapsed"
    clock.now += 3600
    cells.advance(kind=kinds[0])
    assert cells.times == "1:00:00 elapsed, about 2 h 0 min left"
    clock.now += 1800
    assert cells.times == "1:30:00 elapsed, about 90 min left"


def test_verbose_lines_have_the_details_and_quiet_ones_the_warnings_only(clock, capsys):
    work(Lines(1), clock)
    assert f"detail {ODD}" in capsys.readouterr().err.splitlines()
    work(Quiet(), clock)
    assert capsys.readouterr().err == f"warning: odd {ODD}\n"


def terminal(width: int = 100) -> tuple[Bars, io.StringIO]:
    from rich.console import Console

    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=width, color_system=None)
    return Bars(0, console), shown


def test_bars_show_cells_experiences_and_images_by_the_second_with_time_left():
    reporter, shown = terminal()
    with (
        reporter.task("cells", 4, "cells") as cells,
        reporter.task(ODD, 3, "experiences") as experiences,
        reporter.task("extracting", 64, "images") as images,
    ):
        for task in (cells, experiences, images):
            task.advance(2)
        reporter.progress.refresh()  # type: ignore[attr-defined]
    last = shown.getvalue()
    assert re.search(r"cells +[━╸╺]+ +2/4, 0:00 elapsed\s", last)
    assert re.search(re.escape(ODD) + r" +[━╸╺]+ +2/3 experiences, 0:00 elapsed\s", last)
    assert re.search(r"extracting +[━╸╺]+ +2/64, \d+\.\d images/s, 0 s left\s", last)


def test_at_80_columns_the_times_and_the_name_of_a_cell_of_a_sweep_have_room():
    reporter, shown = terminal(width=80)
    kinds = [("a", "")] * 72
    with (
        reporter.task("cells", 72, "cells", kinds) as cells,
        reporter.task("mecad experts=5, alphabetical, seed 0", 15, "experiences"),
        reporter.task("extracting features", 1050, "images") as images,
    ):
        images.advance(100)
        cells.advance(12, kinds[0], seconds=720)
        cells._estimate = 5000  # type: ignore[attr-defined]
        reporter.progress.refresh()  # type: ignore[attr-defined]
    last = shown.getvalue()
    assert "12/72, 0:00 elapsed, about 83 min left" in last
    assert "mecad experts=5, alphabetical, seed 0 " in last
    assert " s left" in last
    assert "…" not in last


def test_a_line_above_the_bars_breaks_between_words_and_a_path_stays_whole():
    reporter, shown = terminal(width=30)
    path = "a-long-folder/" * 9
    with reporter.task("cells", 4, "cells"):
        reporter.line(f"records in {path} and more {ODD}")
        reporter.warn(f"no records in {path}")
    lines = f"records in\n{path}\nand more plates [/bold]\n[red]7[/red] [[x]\n"
    assert lines in shown.getvalue()
    assert f"warning: no records in\n{path}\n" in shown.getvalue()


def test_bars_end_where_the_work_fails():
    reporter, _ = terminal()
    with pytest.raises(KeyboardInterrupt), reporter.task("cells", 4, "cells"):
        raise KeyboardInterrupt
    assert not reporter.progress.live.is_started
    assert not reporter.open.tasks


def test_no_terminal_means_lines(capsys):
    assert isinstance(choose_reporter(0), Lines)
    assert isinstance(choose_reporter(-1), Quiet)


def test_on_a_real_terminal_there_are_images_by_the_second_and_odd_names_do_no_harm(dataset, cache):
    """`cadbench data info` on standard error that is a terminal, standard output that is not."""
    root = dataset(categories=("[bold]", "x[y]"), train=25, good=5, defective=5)
    script = (
        "import sys; from cadbench.benchmark.cli import main;"
        "from cadbench.benchmark.progress import pace; pace.MIN_REPORTED = 0;"
        "sys.exit(main.run(sys.argv[1:]))"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", script, "data", "info", "--data-root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if not piece:
                break
            shown += piece
        assert running.stdout is not None
        out = running.stdout.read().decode()
    os.close(ours)
    assert running.returncode == 0, shown.decode()
    assert re.search(rb"reading images.* 0/80 images", shown)
    assert re.search(rb"reading images: 80 images in \d\.\d s, \d+\.\d images/s\r\n", shown)
    assert "| [bold]" in out
    assert "x[y]" in out
