"""Ray tasks that compute only where the node has the software of the command.

Scores of different versions may differ, and a record does not say which node computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....results.errors import CadbenchError
from ..recording import VERSIONED

Software = Mapping[str, str]
"""Package, or `python` -> version."""

_REQUIRED = ("cadbench", "python")
"""What must be the same; other packages may differ in their build for another device."""


def make_task(module: str, function: str) -> Callable[..., tuple[str, dict[str, str], Any]]:
    """Make a function for Ray that checks its node before it calls `module.function`.

    The function uses nothing of cadbench, and Ray sends its code. So it also runs where cadbench
    has another version or is missing.

    Args:
        module: full name of the module.
        function: name of the function; it is called with the job and further arguments.
    """
    package = __name__.partition(".")[0]
    names, required = VERSIONED, _REQUIRED
    cached: dict[str, str] = {}

    def task(
        expected: Mapping[str, str], job: Sequence[Any], *arguments: Any
    ) -> tuple[str, dict[str, str], Any]:
        """`job` is a list with Ray's reference, so that Ray does not unpack it before the check."""
        import hashlib
        import importlib
        import importlib.metadata
        import importlib.util
        import pathlib
        import platform
        import socket

        if not cached:
            cached["python"] = ".".join(platform.python_version_tuple()[:2])
            for name in names:
                try:
                    cached[name] = importlib.metadata.version(name)
                except importlib.metadata.PackageNotFoundError:
                    cached[name] = "missing"
            spec = importlib.util.find_spec(package)
            digest = hashlib.sha256()
            for root in (spec and spec.submodule_search_locations) or ():
                folder = pathlib.Path(root)
                for part in ("benchmark", "mecad", "methods", "results"):
                    for file in sorted((folder / part).rglob("*.py")):
                        digest.update(file.relative_to(folder).as_posix().encode())
                        digest.update(file.read_bytes())
            cached[package] += f" (source {digest.hexdigest()[:8]})" if spec else ""
        here = dict(cached)
        node = socket.gethostname()
        if not job or any(here[name] != expected[name] for name in required):
            return node, here, None
        import ray

        call = getattr(importlib.import_module(module), function)
        return node, here, call(ray.get(job[0]), *arguments)

    return task


def own_software() -> Software:
    """The software of this process."""
    return make_task("", "")({}, ())[1]


def check_software(node: str, software: Software, own: Software) -> str | None:
    """Return a warning if a node has other packages, which may change scores; else None.

    Raises:
        CadbenchError: `cadbench` or `python` differ.
    """
    differing = [name for name in own if software.get(name, "missing") != own[name]]
    if not differing:
        return None
    there = " and ".join(f"{name} {software.get(name, 'missing')}" for name in differing)
    here = " and ".join(f"{name} {own[name]}" for name in differing)
    if any(name in _REQUIRED for name in differing):
        raise CadbenchError(
            f"the Ray node {node} has {there}, but this command has {here}; install the "
            "same on every node, restart Ray there, and run the same command again (finished "
            "work is kept)"
        )
    return (
        f"the Ray node {node} has {there}, but this command has {here}; the last bits of "
        "scores may differ"
    )
