"""Ctrl-C: one line and exit code 1, from every part of a run; what is done is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cadbench.results.records.store import find_records

from tests.benchmark.conftest import FINETUNE

LINE = "error: interrupted; finished work is kept: run the same command again to continue\n"


def test_an_interrupt_while_extracting_observing_or_scoring_is_one_line_and_loses_little(
    child, run_plates, out
):
    places = ["extract", "observe:2", "score:3"]
    running = child(",".join([*places, "none"]), *FINETUNE, "-q")
    for place in places:
        running.wait_for(f"held {place}")
        running.signal(signal.SIGINT)
        running.wait_for("ended 1")
    running.wait_for("ended 0")
    ended = running.end()
    assert ended.code == 0
    assert ended.err == LINE * 3
    assert len(find_records(out)) == 1
    assert not list(out.rglob("*.partial"))


def test_an_interrupt_ends_worker_processes_without_a_word_from_them():
    """At once after their start, when they are still importing, and when they are at work."""
    script = """
import signal, time
from cadbench.benchmark.system.processes import map_in_processes
signal.signal(signal.SIGINT, signal.default_int_handler)
for _ in range(2):
    try:
        print("started", flush=True)
        list(map_in_processes(time.sleep, [30] * 4, workers=2))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
    running = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    for seconds in (0.4, 1.5):
        assert running.stdout.readline() == "started\n"
        time.sleep(seconds)
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout.readline() == "interrupted\n"
    _, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
