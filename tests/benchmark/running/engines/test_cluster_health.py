"""What a run on Ray says about nodes that die, a head that is gone, and nodes of other versions."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cadbench.benchmark.running.engines import cluster_health
from cadbench.benchmark.running.engines.cluster_health import ConnectionLost, Health, Resources
from cadbench.benchmark.running.engines.node_software import (
    check_software,
    make_task,
    own_software,
)
from cadbench.benchmark.running.engines.work import Messages
from cadbench.results.errors import CadbenchError


class FakeRay:
    """Nodes by name, and a head that listens until it is closed."""

    def __init__(self) -> None:
        self.head = socket.create_server(("127.0.0.1", 0))
        self.gcs_address = "{}:{}".format(*self.head.getsockname())
        self.cpus = {"first": 0, "second": 1}

    def get_runtime_context(self) -> FakeRay:
        return self

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "NodeManagerHostname": name, "Alive": True, "Resources": {"CPU": cpus}}
            for name, cpus in self.cpus.items()
        ]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    monkeypatch.setattr(cluster_health, "INTERVAL", 0)
    made = FakeRay()
    yield made
    made.head.close()


def test_a_node_that_died_is_reported_once_and_so_is_a_cluster_that_cannot_continue(fake):
    messages = Messages()
    health = Health(fake, Resources(1), messages)
    health.check()
    assert messages.stored == []
    del fake.cpus["second"]
    health.check()
    health.check()
    died, waiting = [text for _, text in messages.stored]
    assert died == "the Ray node second died; its tasks are retried"
    assert waiting.startswith("no node of the Ray cluster is left with 1 CPU; waiting for one")


def test_a_head_that_is_gone_ends_the_run_but_one_that_restarts_does_not(fake, monkeypatch):
    health = Health(fake, Resources(1), Messages())
    fake.head.close()
    health.check()
    monkeypatch.setattr(cluster_health, "PATIENCE", 0)
    with pytest.raises(
        ConnectionLost, match=r"is gone; finished work is kept: start the cluster again"
    ):
        health.check()


def test_a_node_with_another_cadbench_or_python_computes_nothing_and_is_refused_by_name():
    own = own_software()
    assert " (source " in own["cadbench"]
    for name in ("cadbench", "python"):
        command = {**own, name: "0.0.9"}
        node, here, result = make_task("no.such.module", "f")(command, ["never unpacked"])
        assert result is None
        with pytest.raises(CadbenchError, match=f"the Ray node .* this command has {name} 0.0.9"):
            check_software(node, here, command)


def test_another_version_of_a_library_is_a_warning():
    own = own_software()
    warning = check_software("far", {**own, "torch": "2.0"}, own)
    assert warning is not None
    assert warning.startswith("the Ray node far has torch 2.0, but this command has torch ")
    assert check_software("near", own, own) is None


def test_the_check_of_a_node_uses_nothing_of_cadbench_that_the_node_may_lack():
    cloudpickle = pytest.importorskip("cloudpickle")
    sent = cloudpickle.dumps(make_task("json", "dumps"))
    assert b"own_software" not in sent
    assert b"cadbench.results" not in sent


def test_a_process_that_ray_ends_leaves_a_line_and_one_that_ends_well_does_not():
    script = """
import os, sys
from cadbench.benchmark.running.engines.cluster_health import last_words
with last_words("error: the node died"):
    if sys.argv[1] == "killed":
        os._exit(1)
"""
    for how, said in (("killed", "error: the node died\n"), ("well", "")):
        ended = subprocess.run(
            [sys.executable, "-c", script, how], capture_output=True, text=True, check=False
        )
        assert ended.stderr == said
