"""Progress on a terminal (bars) and elsewhere (plain lines), always on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmark.reporting import Reporter, Task

_QUIET_SECONDS = 5.0


def choose_reporter(verbosity: int) -> Reporter:
    """The reporter for -q (-1), the default (0) and -v (1)."""
    if verbosity >= 0 and sys.stderr.isatty():
        return _Bars(verbosity)
    return _Lines(verbosity)


class _PlainTask:
    """Says how far it is every few seconds, and at the end if it took that long."""

    def __init__(self, description: str, total: int, unit: str, shown: bool) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.shown = shown
        self.done = 0
        self.resumed = 0
        self.started = self.said = time.monotonic()

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        now = time.monotonic()
        if self.shown and now - self.said >= _QUIET_SECONDS:
            self.said = now
            rate = self.done / (now - self.started)
            left = (self.total - self.done) / rate
            _say(
                f"{self.description}: {self.done} of {self.total} {self.unit}, "
                f"{rate:.1f} {self.unit}/s, {left:.0f} s left"
            )

    def finish(self) -> None:
        seconds = time.monotonic() - self.started
        if self.shown and self.done and seconds >= 1:
            _say(f"{self.description}: {self.done} {self.unit} in {seconds:.1f} s")


class _Lines:
    """For logs and pipes: no control characters."""

    def __init__(self, verbosity: int) -> None:
        self.verbosity = verbosity

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        task = _PlainTask(description, total, unit, self.verbosity >= 0 and unit != "cells")
        yield task
        task.finish()

    def line(self, text: str) -> None:
        if self.verbosity >= 0:
            _say(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            _say(text)

    def warn(self, text: str) -> None:
        _say(f"warning: {text}")


class _BarTask:
    def __init__(self, progress: Any, identity: Any) -> None:
        self.progress = progress
        self.identity = identity

    def advance(self, amount: int = 1) -> None:
        self.progress.advance(self.identity, amount)


class _Bars:
    """For terminals: a bar for each piece of work under way."""

    def __init__(self, verbosity: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.verbosity = verbosity
        self.depth = 0
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        if self.depth == 0:
            self.progress.start()
        self.depth += 1
        identity = self.progress.add_task(description, total=total, unit=unit)
        started = time.monotonic()
        try:
            yield _BarTask(self.progress, identity)
        finally:
            done = self.progress.tasks[self.progress.task_ids.index(identity)].completed
            self.progress.remove_task(identity)
            self.depth -= 1
            if self.depth == 0:
                self.progress.stop()
        seconds = time.monotonic() - started
        if unit == "images" and done:
            self.line(
                f"{description}: {done:.0f} images in {seconds:.1f} s, "
                f"{done / seconds:.1f} images/s"
            )

    def line(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self.line(text)

    def warn(self, text: str) -> None:
        self.progress.console.print(f"[yellow]warning:[/yellow] {text}", highlight=False)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
