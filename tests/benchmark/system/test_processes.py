"""Work in processes: order, a bounded number under way, and how failures come back."""

from __future__ import annotations

import errno
import math
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import loky
import pytest
from cadbench.benchmark.system.processes import map_in_processes, map_in_threads
from cadbench.results.errors import CadbenchError


class Counted:
    """Numbers from 0 to `length`, and how many have been asked for."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in range(self.length):
            self.taken += 1
            yield number


def test_results_come_in_the_order_of_the_jobs_though_the_first_takes_longest():
    waits = [0.3, 0.0, 0.1, 0.0]
    started = time.perf_counter()
    assert list(map_in_processes(time.sleep, waits, workers=2)) == [None] * 4
    assert time.perf_counter() - started >= 0.3
    assert list(map_in_processes(operator.neg, range(20), workers=2)) == [-n for n in range(20)]


def test_workers_keep_the_memory_they_free_unless_the_user_says_otherwise(monkeypatch):
    names = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"]
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert list(map_in_processes(os.getenv, names, workers=1)) == ["33554432", "268435456"]
    monkeypatch.setenv(names[1], "4096")
    assert list(map_in_processes(os.getenv, names, workers=1)) == ["33554432", "4096"]


@pytest.mark.parametrize(("workers", "queued"), [(2, 2), (1, 0), (2, 5)])
def test_at_most_workers_plus_queued_jobs_are_read(workers, queued):
    jobs = Counted(30)
    results = map_in_processes(operator.neg, jobs, workers=workers, queued=queued)
    assert jobs.taken == 0
    for done, result in enumerate(results, start=1):
        assert result == -(done - 1)
        assert jobs.taken == min(30, done + workers + queued - 1)


def test_without_workers_each_job_is_taken_and_done_here_when_its_result_is_wanted():
    jobs = Counted(5)
    results = map_in_processes(lambda number: (number, os.getpid()), jobs, workers=0)
    for number in range(5):
        assert next(results) == (number, os.getpid())
        assert jobs.taken == number + 1


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_in_a_job_reaches_the_caller_after_the_results_before_it(workers):
    results = map_in_processes(math.sqrt, [4.0, 9.0, -1.0, 16.0], workers=workers)
    assert [next(results), next(results)] == [2.0, 3.0]
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        next(results)
    assert list(map_in_processes(math.sqrt, [4.0], workers=workers)) == [2.0]


def test_an_exception_while_jobs_are_made_reaches_the_caller():
    def jobs() -> Iterator[int]:
        yield 1
        raise KeyError("third image")

    with pytest.raises(KeyError, match="third image"):
        list(map_in_processes(operator.neg, jobs(), workers=1))


def test_a_worker_that_is_killed_is_one_line_and_the_next_call_starts_new_workers():
    with pytest.raises(CadbenchError, match="a worker process ended with exit code 3"):
        list(map_in_processes(os._exit, [3], workers=1))
    assert list(map_in_processes(operator.neg, [1, 2], workers=1)) == [-1, -2]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("can't start new thread"), BlockingIOError(11, "Resource unavailable")],
    ids=["thread", "process"],
)
def test_a_system_that_starts_no_more_processes_is_one_line(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("loky.get_reusable_executor", refuse)
        with pytest.raises(CadbenchError, match=r"cannot start more processes.*ulimit -u"):
            list(map_in_processes(operator.neg, [1], workers=1))
    assert list(map_in_processes(operator.neg, [1, 2], workers=1)) == [-1, -2]


def test_results_not_wanted_any_more_are_not_waited_for():
    started = time.perf_counter()
    results = map_in_processes(time.sleep, [0.0, 30.0, 30.0], workers=2)
    next(results)
    results.close()
    assert time.perf_counter() - started < 15


def test_the_first_workers_start_with_interrupts_held_back():
    """In a fresh process, where loky's helper is started too, which lets interrupts through."""
    script = """
import signal
from cadbench.benchmark.system import processes as workers
found = []
held = workers._interrupts_blocked
import contextlib
@contextlib.contextmanager
def looking():
    with held():
        yield
        found.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
workers._interrupts_blocked = looking
assert list(workers.map_in_processes(abs, [-1, -2], workers=2)) == [1, 2]
assert found and all(found), found
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_threads_give_results_in_order_and_take_few_jobs_ahead():
    jobs = Counted(20)
    results = map_in_threads(operator.neg, jobs, 2)
    for done, result in enumerate(results, start=1):
        assert result == -(done - 1)
        assert jobs.taken <= done + 2
    assert jobs.taken == 20


class FromElsewhere:
    """A function of a module that workers do not have."""

    def __reduce__(self) -> tuple[object, ...]:
        return __import__, ("no_such_module",)

    def __call__(self, job: object) -> None:
        pass


@pytest.mark.parametrize(
    ("function", "jobs", "said"),
    [
        (signal.raise_signal, [signal.SIGKILL], "was killed by SIGKILL"),
        (signal.raise_signal, [signal.SIGSEGV], r"crashed .* \(SIGSEGV\)"),
        (os._exit, [3], "ended with exit code 3"),
        (FromElsewhere(), [1], "could not load its task: .*no_such_module"),
    ],
    ids=["killed", "crashed", "exit code", "import"],
)
def test_the_message_says_how_a_worker_ended(capfd, function, jobs, said):
    with pytest.raises(CadbenchError, match=said) as raised:
        list(map_in_processes(function, jobs, workers=1))
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.ENOENT])
def test_without_shared_memory_the_work_is_done_here_unless_workers_are_required(monkeypatch, code):
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(loky, "get_reusable_executor", fail)
    assert list(map_in_processes(operator.neg, [1, 2], workers=2)) == [-1, -2]
    with pytest.raises(CadbenchError, match=r"/dev/shm.*without --jobs"):
        list(map_in_processes(operator.neg, [1, 2], workers=2, required=True))
