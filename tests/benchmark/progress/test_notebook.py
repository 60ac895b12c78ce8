"""Progress in a notebook: one bar in one place, and IPython is not imported elsewhere."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from cadbench.benchmark.progress.choose_reporter import choose_reporter
from cadbench.benchmark.progress.lines import Lines, Quiet
from cadbench.benchmark.progress.notebook import NotebookBars

from tests.benchmark.progress.test_progress import ODD, Clock


class ZMQInteractiveShell:
    """Stands in for the shell of a kernel."""


class ColabShell(ZMQInteractiveShell):
    """A shell derived from it."""


class TerminalInteractiveShell:
    """Stands in for the shell of `ipython` on a terminal."""


class Kernel:
    """Stands in for IPython: holds the shell, and what was displayed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell: Any = ZMQInteractiveShell()
        self.places: list[list[dict[str, str]]] = []
        package, display = ModuleType("IPython"), ModuleType("IPython.display")
        package.get_ipython = lambda: self.shell  # type: ignore[attr-defined]
        display.display = self.display  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        place = [content]
        self.places.append(place)

        class Handle:
            def update(self, content: dict[str, str], *, raw: bool) -> None:
                assert raw
                place.append(content)

        return Handle()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def test_the_reporter_of_a_kernel_is_a_bar_and_that_of_ipython_on_a_terminal_is_not(kernel):
    assert isinstance(choose_reporter(), NotebookBars)
    assert isinstance(choose_reporter(-1), Quiet)
    kernel.shell = ColabShell()
    assert isinstance(choose_reporter(), NotebookBars)
    for kernel.shell in (TerminalInteractiveShell(), None):
        assert isinstance(choose_reporter(), Lines)


def test_one_place_shows_the_outermost_task_as_a_bar_and_the_inner_ones_below(kernel, clock):
    reporter = NotebookBars()
    kinds = [("a", "")] * 4
    with reporter.task("cells", 4, "cells", kinds) as cells:
        with reporter.task(ODD, 3, "experiences") as experiences:
            clock.now += 30
            experiences.advance()
        cells.advance(kind=kinds[0])
    (place,) = kernel.places
    assert '<progress max="4" value="0"></progress> 0/4, 0:00 elapsed' in place[0]["text/html"]
    assert f"<small>{ODD}: 1/3 experiences, 0:30 elapsed</small>" in place[1]["text/html"]
    assert place[-1]["text/plain"] == "cells: 1/4, 0:30 elapsed, about 90 s left"


def test_the_next_task_uses_the_same_place(kernel, clock):
    reporter = NotebookBars()
    for name in ("reading images", "cells"):
        clock.now += 10
        with reporter.task(name, 1, "cells"):
            pass
    (place,) = kernel.places
    assert place[-1]["text/plain"] == "cells: 0/1, 0:00 elapsed"


def test_the_bar_is_updated_a_few_times_a_second(kernel, clock):
    with NotebookBars().task("reading images", 1000, "images") as task:
        for _ in range(1000):
            clock.now += 0.001
            task.advance()
    (place,) = kernel.places
    assert 4 <= len(place) <= 7
    assert "1000/1000" in place[-1]["text/plain"]


def test_names_cannot_be_markup(kernel):
    with NotebookBars().task("<script>x", 1, "images"):
        pass
    assert "&lt;script&gt;x" in kernel.places[0][0]["text/html"]


def test_messages_are_printed_and_the_state_stays_where_the_work_fails(kernel, clock, capsys):
    reporter = NotebookBars()

    def work() -> None:
        with reporter.task("cells", 4, "cells") as task:
            task.advance()
            reporter.line("a line")
            reporter.detail("a detail")
            reporter.warn("a warning")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert kernel.places[0][-1]["text/plain"] == "cells: 1/4, 0:00 elapsed"
    assert capsys.readouterr() == ("a line\n", "warning: a warning\n")


def test_outside_a_kernel_neither_ipython_nor_rich_is_imported():
    script = (
        "import sys; from cadbench.benchmark.progress.choose_reporter import choose_reporter;"
        "choose_reporter(); print({'IPython', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
