"""A cell's progress on disk, so that a killed run goes on after its last finished experience.

Each experience's step is a file of its own, and each tensor of the method's state one named by its
content, so what did not change is not written again. Every file is sealed; if one is missing or
damaged, the cell starts afresh.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.evaluator import Progress, Step
from benchmark.reporting import Reporter, Silent
from benchmark.state import flatten, pack, restore, unpack
from results.files import seal, unseal, write_bytes

if TYPE_CHECKING:
    import torch

_HEAD = "head.json"


class Checkpoint:
    """The checkpoint of one cell in a folder of its own; `key` says whose it is."""

    def __init__(self, folder: Path, key: str, reporter: Reporter | None = None) -> None:
        self.folder = folder
        self.key = key
        self.reporter = reporter or Silent()

    def save(self, progress: Progress) -> None:
        """Add the latest step and replace the method's state; safe against a kill at any moment."""
        step = progress.steps[-1]
        write_bytes(self._step(step.experience), seal(pack(step.as_state())))
        tree, tensors = flatten(progress.method_state)
        names = [self._put(tensor) for tensor in tensors]
        head = {"key": self.key, "experience": step.experience, "tree": tree, "tensors": names}
        write_bytes(self.folder / _HEAD, seal(json.dumps(head).encode()))
        self._forget_all_but(set(names))

    def load(self, device: torch.device) -> Progress | None:
        """The saved progress, or None where there is none of this key or it is damaged."""
        content = self._unseal(self.folder / _HEAD)
        if content is None or (head := json.loads(content))["key"] != self.key:
            return None
        steps = [self._unseal(self._step(t + 1)) for t in range(head["experience"])]
        tensors = {name: self._unseal(self._tensor(name)) for name in head["tensors"]}
        if None in steps or None in tensors.values():
            return None
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
