"""`--engine ray` on two nodes: workers, a node and the head die; a node has another cadbench."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.stage import ROOT, Called, Numbers, Place, Stage, numbers, wait_until
from tests.faults.verdict import Row

CELLS = 200
_CODE = ("benchmark", "mecad", "methods", "results")
_LONG = 600
"""Seconds that a run may take."""


def ray_faults(stage: Stage, cells: int = CELLS) -> Iterator[Row]:
    """Each fault once, in a run of this many cells; its records must be those of a local run."""
    study = _Study(stage, cells)
    local = stage.place()
    done = study.start(local, "local").end()
    assert done.code == 0, done
    expected = numbers(local.runs)
    assert len(expected) == cells

    row = Row(f"Ray, two nodes, {cells} cells: no fault")
    with two_nodes() as cluster:
        _finish(row, study.start(stage.place(), cluster.address), expected, warned="")
        yield row

        row = Row("Ray: a worker killed, three times")
        running = study.start(stage.place(), cluster.address)
        for share in (0.1, 0.3, 0.6):
            running.wait_for(share)
            row.kills += _kill_one(_workers(cluster))
        _finish(row, running, expected, warned="")
        yield row

        row = Row("Ray: the second node killed")
        running = study.start(stage.place(), cluster.address)
        running.wait_for(0.3)
        cluster.remove_node(_second(cluster), allow_graceful=False)
        row.kills += 1
        _finish(row, running, expected, warned="died; its tasks are retried")
        yield row

        row = Row("Ray: the head killed, the same command on another cluster")
        running = study.start(stage.place(), cluster.address)
        running.wait_for(0.3)
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        row.kills += 1
        kept = _refused(row, running, expected, "the head of the Ray cluster")
    with two_nodes() as cluster:
        again = study.start(running.place, cluster.address)
        _finish(row, again, expected, warned="", counted=False)
        if f"{len(kept)} reused" not in again.called.out:
            row.lost += 1
            row.notes.append(f"lost: {len(kept)} were recorded, then {again.called.out[-200:]}")
        yield row

    row = Row("Ray: the node of the command killed, the same command on another cluster")
    place = stage.place()
    with two_nodes() as cluster:
        running = study.start(place, cluster.address)
        running.wait_for(0.3)
        cluster.head_node.kill_raylet(check_alive=False)
        row.kills += 1
        _refused(row, running, expected, "the Ray node on this machine died")
    with two_nodes() as cluster:
        _finish(row, study.start(place, cluster.address), expected, warned="", counted=False)
    yield row

    row = Row("Ray: a node with another cadbench")
    place = stage.place()
    with two_nodes(_other_code(place.folder)) as cluster:
        _refused(row, study.start(place, cluster.address), expected, "but this command has")
    with two_nodes() as cluster:
        _finish(row, study.start(place, cluster.address), expected, warned="", counted=False)
    yield row


@contextlib.contextmanager
def two_nodes(path: Path | None = None) -> Iterator[Any]:
    """A head and a second node of one core each; `path`: where the second finds its packages."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(path)} if path else None)
        yield cluster
    finally:
        cluster.shutdown()


class _Run:
    """A run under way."""

    def __init__(self, process: subprocess.Popen[str], place: Place, cells: int) -> None:
        self.process, self.place, self.cells = process, place, cells
        self.called = Called(0, "", "")

    def wait_for(self, share: float) -> None:
        """Wait until this share of the cells is recorded."""

        def enough() -> bool:
            # Unlike `rglob`, `walk` ignores folders that are renamed meanwhile.
            found = sum("run.json" in files for *_, files in os.walk(self.place.runs))
            return self.process.poll() is not None or found >= share * self.cells

        wait_until(enough, _LONG)

    def end(self) -> Called:
        try:
            out, err = self.process.communicate(timeout=_LONG)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            out, err = self.process.communicate()
            err += f"\nerror: still running after {_LONG} s\n"
        self.called = Called(self.process.returncode, out, err)
        return self.called


class _Study:
    """The command that all tries run; they share a cache, as the nodes of a cluster do."""

    def __init__(self, stage: Stage, cells: int) -> None:
        self.stage, self.cells = stage, cells
        self.cache = stage.root / "ray-cache"

    def start(self, place: Place, address: str) -> _Run:
        words = [
            *("run", "--data-root", place.data, "--image-size", "32", "--maps", "none"),
            *("--method", "finetune", "--set", "finetune.bank_budget=10", "-q"),
            *("--seeds", f"0-{self.cells - 1}", "--out", place.runs),
        ]
        if address != "local":
            words += ["--engine", "ray", "--address", address, "--cell-cpus", "1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "cadbench", *map(str, words)],
            cwd=place.folder,
            env={**os.environ, "CADBENCH_CACHE": str(self.cache), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return _Run(process, place, self.cells)


def _finish(
    row: Row, running: _Run, expected: Numbers, *, warned: str, counted: bool = True
) -> None:
    """The run must end well with all records, and warn of nothing but `warned`."""
    called = running.end()
    row.hear(called, running.place, warned, counted=counted)
    if called.code != 0 or (not warned and called.err) or "Ray" in called.out:
        row.lost += called.code != 0
        row.unclear += called.code == 0
        row.notes.append(f"ended with {called.code}: {called.out[-300:]} {called.err[-800:]}")
    row.look(running.place, expected, expected)
    _no_half_records(row, running.place)


def _refused(row: Row, running: _Run, expected: Numbers, named: str) -> Numbers:
    """The run must end with exit code 1 and one line; returns the records it kept."""
    called = running.end()
    row.hear(called, running.place, named)
    if called.code != 1:
        row.unclear += 1
        row.notes.append(f"ended with {called.code}: {called.err[-800:]}")
    kept = numbers(running.place.runs)
    row.look(running.place, expected)
    return kept


def _no_half_records(row: Row, place: Place) -> None:
    if left := list(place.runs.rglob("*.partial")):
        row.lost += 1
        row.notes.append(f"lost: {left} are left")


def _second(cluster: Any) -> Any:
    (node,) = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]
    return node


def _workers(cluster: Any) -> list[int]:
    """Processes of both nodes that compute a task."""
    raylets = {
        info.process.pid
        for node in cluster.list_all_nodes()
        for kind, infos in node.all_processes.items()
        if kind == "raylet"
        for info in infos
    }
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            title = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if title.startswith((b"ray::compute", b"ray::extract")) and parent in raylets:
                found.append(int(folder.name))
    return found


def _kill_one(workers: list[int]) -> int:
    with contextlib.suppress(ProcessLookupError):
        for worker in workers[:1]:
            os.kill(worker, signal.SIGKILL)
            time.sleep(0.1)
            return 1
    return 0


def _other_code(folder: Path) -> Path:
    """A copy of cadbench in which one file differs."""
    copy = folder / "other" / "cadbench"
    for name in _CODE:
        shutil.copytree(ROOT / name, copy / name)
    for file in ROOT.glob("*.py"):
        shutil.copy(file, copy)
    with (copy / "results" / "counts.py").open("a") as file:
        file.write("\n# Another version.\n")
    return copy.parent
