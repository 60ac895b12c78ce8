"""A cell's progress on disk, so that a killed run goes on after its last finished experience.

Each experience's step is a file of its own, and each tensor of the method's state one named by its
content, so what did not change is not written again. Every file is sealed; if one is missing or
damaged, the cell starts afresh.

Experiences that take milliseconds are not written one by one: a run that is stopped repeats `every`
seconds of work at the most.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.progress import Progress, Step
from benchmark.reporting import Reporter, Silent
from benchmark.state import flatten, pack, restore, unpack
from results.files import seal, unseal, write_bytes

if TYPE_CHECKING:
    import torch

_HEAD = "head.json"


class Checkpoint:
    """The checkpoint of one cell in a folder of its own; `key` says whose it is."""

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

    def save(self, progress: Progress) -> None:
        """Write the steps that are not written yet, and in place of the method's state the latest.

        Only if it is time. Safe against a kill at any moment.
        """
        if time.monotonic() - self._wrote_at < self.every:
            return
        for step in progress.steps[self._written :]:
            write_bytes(self._step(step.experience), seal(pack(step.as_state())))
        tree, tensors = flatten(progress.method_state)
        names = [self._put(tensor) for tensor in tensors]
        head = {"key": self.key, "experience": len(progress.steps), "tree": tree, "tensors": names}
        write_bytes(self.folder / _HEAD, seal(json.dumps(head).encode()))
        self._forget_all_but(set(names))
        self._written, self._wrote_at = len(progress.steps), time.monotonic()

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
        self._written = 0

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
