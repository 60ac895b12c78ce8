"""A sweep on a Ray cluster of several nodes: the local engine's scores, whatever dies meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cadbench.benchmark.cli.main import run
from cadbench.results.records.store import find_records

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.xdist_group("one cluster for all")

TRAP = """
    import os, signal, time
    from dataclasses import dataclass
    from pathlib import Path

    from cadbench import param
    from cadbench.methods.banks.patchcore import PatchCore, PatchCoreParams

    @dataclass(frozen=True)
    class TrapParams(PatchCoreParams):
        trap: str = param("none", "none, wait (once, for whoever kills the node) or die (always)")

    class Trap(PatchCore):
        '''PatchCore that meets a fault at its second experience.'''

        Params = TrapParams

        def observe(self, experience):
            if experience.index == 2 and self.params.trap == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if experience.index == 2 and self.params.trap == "wait":
                import ray

                marker = Path(os.environ["TRAP_MARKER"])
                if not marker.exists():
                    node = ray.get_runtime_context().get_node_id() if ray.is_initialized() else ""
                    marker.write_text(node)
                    if node:
                        time.sleep(600)
            return super().observe(experience)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the plugin, which every node can import, and a cache that all share."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "trap.py").write_text(textwrap.dedent(TRAP))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("TRAP_MARKER", str(folder / "marker"))
        patch.setenv("CADBENCH_CACHE", str(folder / "cache"))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("CADBENCH_DATA", raising=False)
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module")
def cluster(place: Path) -> Iterator[Any]:
    """A head without cores and two nodes of one core."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "_system_config": {
                "health_check_initial_delay_ms": 0,
                "health_check_period_ms": 200,
                "health_check_failure_threshold": 3,
            },
        },
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def words(place: Path) -> list[str]:
    """The options of the sweep that all tests compute."""
    from tests.conftest import draw_dataset

    draw_dataset(place / "plates", ("apple", "bolt"), train=3, good=2, defective=2)
    return ["run", "--data-root", str(place / "plates"), "--image-size", "32", "-q"]


@pytest.fixture
def on_ray(words: list[str], cluster: Any) -> list[str]:
    """The options of the sweep on the cluster."""
    return [*words, "--engine", "ray", "--address", cluster.address, "--cell-cpus", "1"]


def start(words: list[str], **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cadbench", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)


def scores(out: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(out)): file.read_bytes()
        for name in ("scores.parquet", "maps.npy")
        for file in out.rglob(name)
    }


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_node_killed_in_the_middle_of_a_sweep_changes_nothing(
    cluster, place, words, on_ray, monkeypatch
):
    # Each engine has a cache of its own, so that the nodes extract features themselves.
    methods = ["--method", "trap:Trap", "--method", "mecad", "--set", "Trap.trap=wait"]
    marker = place / "marker"
    on_nodes = start([*on_ray, *methods, "--out", str(place / "on-ray")])
    wait_for(lambda: marker.exists() and marker.read_text() != "")
    (doomed,) = [n for n in cluster.list_all_nodes() if n.node_id == marker.read_text()]
    cluster.remove_node(doomed, allow_graceful=False)
    out, err = on_nodes.communicate(timeout=120)
    assert on_nodes.returncode == 0, err
    assert "(2 computed, 0 reused)" in out
    monkeypatch.setenv("CADBENCH_CACHE", str(place / "cache-here"))
    assert run([*words, *methods, "--out", str(place / "here")]) == 0
    assert scores(place / "on-ray") == scores(place / "here")
    assert len(find_records(place / "here")) == 2
    assert not list((place / "on-ray").rglob("*.partial"))


def test_a_cell_whose_worker_keeps_dying_is_named_and_the_rest_goes_on(
    on_ray, place, capsys, monkeypatch
):
    monkeypatch.setattr("cadbench.benchmark.running.engines.cluster.TRIES", 2)
    out = place / "dying"
    methods = ["--method", "trap:Trap", "--method", "patchcore", "--set", "Trap.trap=die,none"]
    code = run([*on_ray, *methods, "--out", str(out)])
    shown = capsys.readouterr()
    assert code == 1
    assert "(2 computed, 0 reused)" in shown.out
    assert "1 of 3 cells failed: trap:Trap trap=die, alphabetical, seed 0: its worker" in shown.err
    assert "died 2 times" in shown.err
    assert "Traceback" not in shown.err
    assert len(find_records(out)) == 2


def test_ctrl_c_stops_the_workers_and_keeps_what_is_done(on_ray, place):
    (place / "marker").unlink(missing_ok=True)
    out = place / "stopped"
    methods = ["--method", "finetune", "--method", "trap:Trap", "--set", "Trap.trap=wait"]
    begun = start(
        [*on_ray, *methods, "--out", str(out)],
        # A shell may have started the tests with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for(lambda: (place / "marker").exists() and bool(list(out.rglob("run.json"))))
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 1
    assert err.splitlines()[-1].startswith("error: interrupted")
    assert "Traceback" not in err
    (kept,) = find_records(out)
    assert kept.method == "finetune"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--cell-cpus", "64"], "no node of the Ray cluster has 64 CPUs"),
        (["--cell-gpus", "1"], "lower --cell-cpus or --cell-gpus"),
    ],
)
def test_what_no_node_has_is_refused(on_ray, place, given, said, capsys):
    assert run([*on_ray, *given, "--out", str(place / "none")]) == 2
    assert said in capsys.readouterr().err
    assert not (place / "none").exists()


def test_a_cluster_that_is_not_there_is_one_line(place, words, capsys):
    ray_words = ["--engine", "ray", "--address", "127.0.0.1:1", "--out", str(place / "none")]
    assert run([*words, *ray_words]) == 1
    shown = capsys.readouterr().err.splitlines()[-1]
    assert shown.startswith("error: no Ray cluster at 127.0.0.1:1")
