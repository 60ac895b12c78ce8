"""Threads: every task runs once, on whichever thread is free, and errors reach the caller."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from cadbench.benchmark.system import threads
from cadbench.benchmark.system.threads import run_parallel


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    monkeypatch.setattr(threads, "thread_count", lambda: 2)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_are_in_the_order_of_the_tasks(count):
    assert run_parallel([partial(pow, 2, number) for number in range(count)]) == [
        2**number for number in range(count)
    ]


def test_a_free_thread_takes_the_next_task():
    others_done = threading.Event()
    done: list[int] = []

    def quick(number: int) -> int:
        done.append(number)
        if len(done) == 4:
            others_done.set()
        return number

    def slow() -> int:
        assert others_done.wait(10), "no other thread took the tasks behind this one"
        return 0

    assert run_parallel([slow, *(partial(quick, n) for n in (1, 2, 3, 4))]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("failing", [0, 1, 4])
def test_an_error_in_any_thread_reaches_the_caller(failing):
    def task(number: int) -> int:
        if number == failing:
            raise ValueError(f"task {number}")
        return number

    with pytest.raises(ValueError, match=f"task {failing}"):
        run_parallel([partial(task, number) for number in range(5)])
