"""Checkpoints: the progress of a cell on disk, so that a killed run can be resumed.

Each step is one file. Each tensor of the method's state is a file named by its content, so that
unchanged tensors are not written again. Every file has a checksum; if one is missing or damaged,
the cell is computed from the beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.records.inventory import CELL_FILE, HEAD_FILE
from ...results.storage.files import seal, unseal, write_bytes
from ..system.reporting import Reporter, Silent
from ..system.serialization import flatten, pack, restore, unpack
from .evaluation.progress import Progress, Step

if TYPE_CHECKING:
    import torch


class Checkpoint:
    """The checkpoint of one cell.

    Steps are collected and written together if experiences take less than `every` seconds. As a
    context manager, it writes the pending steps when an error or an interrupt ends the run, so only
    a killed process loses finished work.

    Args:
        folder: folder for this cell alone.
        key: identifies the cell; a checkpoint of another key is ignored.
        reporter: shows warnings about damaged files.
        every: least number of seconds between two writes; a kill loses at most this much work.
        cell: the cell as JSON values, which `cadbench runs` shows from the start of the run.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        reporter: Reporter | None = None,
        *,
        every: float = 0.0,
        cell: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.key = key
        self.reporter = reporter or Silent()
        self.every = every
        self.cell = cell
        self._written = 0
        self._wrote_at = time.monotonic()
        self._pending: tuple[Sequence[Step], Sequence[Any], dict[str, Any]] | None = None
        """Progress that is not written yet: the steps, the state's tensors, and the head file."""

    def __enter__(self) -> Checkpoint:
        if self.cell is not None:
            write_bytes(self.folder / CELL_FILE, json.dumps(self.cell).encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            with contextlib.suppress(OSError):  # the error that ended the run matters more
                self._write()
                if self._written == 0:
                    self.clear()
                    self.folder.parent.rmdir()  # an error if it holds anything else

    def save(self, progress: Progress) -> None:
        """Copy the progress, and write it if `every` seconds have passed since the last write.

        A kill at any moment leaves the previous checkpoint or the new one.
        """
        tree, tensors = flatten(progress.method_state)  # copies
        head = {
            "key": self.key,
            "experience": progress.experience,
            "tree": tree,
            "salt": progress.salt and progress.salt.hex(),
        }
        self._pending = tuple(progress.steps), tensors, head
        if time.monotonic() - self._wrote_at >= self.every:
            self._write()

    def load(self, device: torch.device) -> Progress | None:
        """Read the progress of this key, with the method's state on `device`, or return None.

        A damaged checkpoint gives a warning and counts as none.
        """
        content = self._read_checked(self.folder / HEAD_FILE)
        if content is None or (head := json.loads(content))["key"] != self.key:
            return None
        steps = [self._read_checked(self._step(t + 1)) for t in range(head["experience"])]
        tensors = {name: self._read_checked(self._tensor(name)) for name in head["tensors"]}
        if None in steps or None in tensors.values():
            return None
        self._written = len(steps)
        return Progress(
            [Step.from_state(unpack(step)) for step in steps if step is not None],
            restore(
                head["tree"],
                [unpack(tensors[name] or b"", device) for name in head["tensors"]],
            ),
            bytes.fromhex(head["salt"]) if head.get("salt") else None,
        )

    def clear(self) -> None:
        """Delete the checkpoint."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)
        self._written, self._pending = 0, None

    def _write(self) -> None:
        """Append the new steps, and replace the method's state."""
        if self._pending is None:
            return
        steps, tensors, head = self._pending
        for step in steps[self._written :]:
            write_bytes(self._step(step.experience), seal(pack(step.as_state())))
        names = [self._write_tensor(tensor) for tensor in tensors]
        content = json.dumps({**head, "tensors": names}).encode()
        write_bytes(self.folder / HEAD_FILE, seal(content))
        self._delete_all_but(set(names))
        self._written, self._wrote_at, self._pending = len(steps), time.monotonic(), None

    def _write_tensor(self, tensor: Any) -> str:
        content = pack(tensor)
        name = hashlib.sha256(content).hexdigest()
        if not self._tensor(name).exists():
            write_bytes(self._tensor(name), seal(content))
        return name

    def _delete_all_but(self, names: set[str]) -> None:
        for file in (self.folder / "tensors").glob("*"):
            if file.name not in names:
                file.unlink()

    def _read_checked(self, path: Path) -> bytes | None:
        return unseal(
            path,
            lambda path: self.reporter.warn(
                f"{path} is damaged (truncated or altered); the cell is computed from the beginning"
            ),
        )

    def _step(self, experience: int) -> Path:
        return self.folder / f"step-{experience}"

    def _tensor(self, name: str) -> Path:
        return self.folder / "tensors" / name
