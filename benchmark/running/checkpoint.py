"""A cell's progress on disk, so that a killed run goes on after its last finished experience.

Each experience's step is a file of its own, and each tensor of the method's state one named by its
content, so what did not change is not written again. Every file is sealed; if one is missing or
damaged, the cell starts afresh.

Experiences that take milliseconds are not written one by one: a run that is stopped or fails loses
none of them, and one that is killed `every` seconds of work at the most.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.storage.files import seal, unseal, write_bytes
from ..system.reporting import Reporter, Silent
from ..system.serialization import flatten, pack, restore, unpack
from .progress import Progress, Step

if TYPE_CHECKING:
    import torch

_HEAD = "head.json"


@dataclass(frozen=True)
class _Pending:
    """What is to be written: finished steps, and copies of the tensors of the method's state."""

    steps: Sequence[Step]
    tree: Any
    tensors: Sequence[Any]


class Checkpoint:
    """The checkpoint of one cell in a folder of its own; `key` says whose it is.

    As a context, it writes what is still pending when an error or an interrupt ends the run.
    """

    def __init__(
        self, folder: Path, key: str, reporter: Reporter | None = None, *, every: float = 0.0
    ) -> None:
        """every: seconds; a step that ends sooner after the last writing waits for a later one."""
        self.folder = folder
        self.key = key
        self.reporter = reporter or Silent()
        self.every = every
        self._written = 0
        self._wrote_at = time.monotonic()
        self._pending: _Pending | None = None

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            with contextlib.suppress(OSError):  # the error that ended the run is the one to tell
                self._write()

    def save(self, progress: Progress) -> None:
        """Take the latest step and the method's state as it is now, and write them if it is time.

        Safe against a kill at any moment.
        """
        self._pending = _Pending(tuple(progress.steps), *flatten(progress.method_state))
        if time.monotonic() - self._wrote_at >= self.every:
            self._write()

    def load(self, device: torch.device) -> Progress | None:
        """The saved progress, or None where there is none of this key or it is damaged."""
        content = self._unseal(self.folder / _HEAD)
        if content is None or (head := json.loads(content))["key"] != self.key:
            return None
        steps = [self._unseal(self._step(t + 1)) for t in range(head["experience"])]
        tensors = {name: self._unseal(self._tensor(name)) for name in head["tensors"]}
        if None in steps or None in tensors.values():
            return None
        self._written = len(steps)
        return Progress(
            [Step.from_state(unpack(step)) for step in steps if step is not None],
            restore(
                head["tree"],
                [unpack(tensors[name] or b"", device) for name in head["tensors"]],
            ),
        )

    def clear(self) -> None:
        """Forget everything."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)
        self._written, self._pending = 0, None

    def _write(self) -> None:
        """The steps that are not written yet, and in place of the method's state the latest."""
        if self._pending is None:
            return
        steps = self._pending.steps
        for step in steps[self._written :]:
            write_bytes(self._step(step.experience), seal(pack(step.as_state())))
        names = [self._put(tensor) for tensor in self._pending.tensors]
        tree = self._pending.tree
        head = {"key": self.key, "experience": len(steps), "tree": tree, "tensors": names}
        write_bytes(self.folder / _HEAD, seal(json.dumps(head).encode()))
        self._forget_all_but(set(names))
        self._written, self._wrote_at, self._pending = len(steps), time.monotonic(), None

    def _put(self, tensor: Any) -> str:
        content = pack(tensor)
        name = hashlib.sha256(content).hexdigest()
        if not self._tensor(name).exists():
            write_bytes(self._tensor(name), seal(content))
        return name

    def _forget_all_but(self, names: set[str]) -> None:
        for file in (self.folder / "tensors").glob("*"):
            if file.name not in names:
                file.unlink()

    def _unseal(self, path: Path) -> bytes | None:
        return unseal(
            path,
            lambda path: self.reporter.warn(
                f"{path} is damaged (truncated or altered); its cell starts afresh"
            ),
        )

    def _step(self, experience: int) -> Path:
        return self.folder / f"step-{experience}"

    def _tensor(self, name: str) -> Path:
        return self.folder / "tensors" / name
