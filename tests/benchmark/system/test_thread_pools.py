"""Lanes: every work is done once, in whichever lane is free, and errors reach the caller."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from cadbench.benchmark.system import thread_pools as lanes
from cadbench.benchmark.system.thread_pools import aside, in_lanes


@pytest.fixture(autouse=True)
def _two_lanes(monkeypatch):
    monkeypatch.setattr(lanes, "lanes", lambda: 2)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_works(count):
    assert in_lanes([partial(pow, 2, number) for number in range(count)]) == [
        2**number for number in range(count)
    ]


def test_a_lane_that_is_free_takes_the_next_work():
    rest = threading.Event()
    done: list[int] = []

    def quick(number: int) -> int:
        done.append(number)
        if len(done) == 4:
            rest.set()
        return number

    def slow() -> int:
        assert rest.wait(10), "the works behind it went to nobody else"
        return 0

    assert in_lanes([slow, *(partial(quick, n) for n in (1, 2, 3, 4))]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("failing", [0, 1, 4])
def test_an_error_in_any_lane_reaches_the_caller(failing):
    def work(number: int) -> int:
        if number == failing:
            raise ValueError(f"work {number}")
        return number

    with pytest.raises(ValueError, match=f"work {failing}"):
        in_lanes([partial(work, number) for number in range(5)])


def test_what_goes_on_aside_is_done_in_order_on_one_other_thread():
    seen: list[tuple[int, int]] = []
    done = threading.Event()
    for number in (1, 2):
        aside(partial(lambda n: seen.append((n, threading.get_ident())), number))
    aside(done.set)
    assert done.wait(10)
    assert [number for number, _ in seen] == [1, 2]
    assert len({thread for _, thread in seen} | {threading.get_ident()}) == 2


def test_who_asks_for_what_nobody_has_begun_does_it():
    busy, on = threading.Event(), threading.Event()

    def hold() -> bool:
        busy.set()
        return on.wait(10)

    held, waiting = aside(hold), aside(threading.get_ident)
    assert busy.wait(10)
    assert waiting.result() == threading.get_ident()
    on.set()
    assert held.result()


def test_work_done_by_who_asks_fails_each_time_it_is_asked_for():
    busy, on = threading.Event(), threading.Event()

    def hold() -> bool:
        busy.set()
        return on.wait(10)

    held, failing = aside(hold), aside(partial(divmod, 1, 0))
    assert busy.wait(10)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing.result()
    on.set()
    assert held.result()
