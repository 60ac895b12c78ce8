"""Watching a Ray cluster while its tasks run: nodes that die, and a head that is gone.

Ray ends this process without a message when its own node dies, and after 60 seconds without a head.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....results.counts import format_count
from ....results.errors import CadbenchError
from ...system.reporting import Reporter

INTERVAL = 2.0
"""Seconds between two checks."""

PATIENCE = 30.0
"""Seconds that the head may be unreachable: it may restart, and Ray ends the process after 60."""

_TIMEOUT = 5.0
"""Seconds to connect to the head."""


class ConnectionLost(CadbenchError):
    """The cluster, or the node of this machine, cannot be reached any more."""


@dataclass(frozen=True)
class Resources:
    """What Ray reserves.

    Attributes:
        cpus: CPUs per task.
        gpus: GPUs per task.
        jobs: largest number of tasks at once; None for all that fit.
    """

    cpus: int = 2
    gpus: float = 0.0
    jobs: int | None = None

    def fit(self, node: Mapping[str, float]) -> bool:
        """Whether a node with these resources can run a task."""
        return node.get("CPU", 0) >= self.cpus and node.get("GPU", 0) >= self.gpus

    def __str__(self) -> str:
        cpus = format_count(self.cpus, "CPU")
        return f"{cpus} and {self.gpus:g} GPUs" if self.gpus else cpus


class Health:
    """The state of the cluster as last seen.

    Args:
        ray: the connected module.
        resources: what a task needs.
        reporter: gets a warning when a node dies.
    """

    def __init__(self, ray: Any, resources: Resources, reporter: Reporter) -> None:
        self._ray, self._resources, self._reporter = ray, resources, reporter
        self._head = _head_address(ray)
        self._reached = self._checked = time.monotonic()
        self._alive = self._nodes()

    def check(self) -> None:
        """Report nodes that died since the last check; cheap enough to call after every task.

        Raises:
            ConnectionLost: the head has been unreachable for `PATIENCE` seconds.
        """
        now = time.monotonic()
        if now - self._checked < INTERVAL:
            return
        self._checked = now
        if self._head and not is_listening(self._head, _TIMEOUT):
            if now - self._reached < PATIENCE:
                return
            raise ConnectionLost(
                f"the head of the Ray cluster at {self._head} is gone; finished work is kept: "
                "start the cluster again (`ray start --head`) and run the same command again"
            )
        self._reached = now
        before, self._alive = self._alive, self._nodes()
        for node in before.keys() - self._alive.keys():
            self._reporter.warn(
                f"the Ray node {before[node]['NodeManagerHostname']} died; its tasks are retried"
            )
            if not any(self._resources.fit(each["Resources"]) for each in self._alive.values()):
                self._reporter.warn(
                    f"no node of the Ray cluster is left with {self._resources}; waiting for one "
                    "to join (Ctrl-C ends the run and keeps finished work)"
                )

    def _nodes(self) -> dict[str, Any]:
        return {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}


def _head_address(ray: Any) -> str | None:
    """HOST:PORT of the head; None where only Ray's client knows it (`ray://`)."""
    try:
        return str(ray.get_runtime_context().gcs_address)
    except Exception:  # Ray raises many types here
        return None


def is_listening(address: str, timeout: float) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def last_words(message: str) -> Iterator[None]:
    """Have a shell print a message if this process ends before it leaves the context."""
    if os.name != "posix":
        yield
        return
    shell = subprocess.Popen(
        ["/bin/sh", "-c", "read line || printf '%s\\n' \"$0\" >&2", message],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the shell may have been killed
            shell.communicate(b"left\n")


@contextlib.contextmanager
def messages_of_ray(reporter: Reporter) -> Iterator[None]:
    """Send Ray's messages to `--verbose`: Ray prints them, with long logs, on standard output."""
    from ray._private import worker

    original = getattr(worker, "print_to_stdstream", None)
    if original is None:
        yield
        return

    def report(data: Mapping[str, Any], *_: Any, **__: Any) -> None:
        for text in data["lines"]:
            reporter.detail(f"Ray: {str(text).strip().splitlines()[0]}" if text.strip() else "")

    worker.print_to_stdstream = report
    try:
        yield
    finally:
        worker.print_to_stdstream = original
