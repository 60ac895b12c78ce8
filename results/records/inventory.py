"""Every run under a folder of records, finished or not, and how runs are deleted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import RecordError
from ..storage.files import storage_error, unseal
from ..storage.locks import record_lock
from .record import MAPS_FILE, RUN_FILE, STATE_FILE, Record, load_record
from .schema import Run, cell_key, config_key
from .store import PARTIAL, partial_dir

CHECKPOINT = "checkpoint"
"""The folder, in that of a run in progress, in which `Checkpoint` keeps the next two files."""

HEAD_FILE = "head.json"
"""The number of finished experiences, with a checksum; missing before the first is finished."""

CELL_FILE = "cell.json"
"""The cell, written at the start of the run."""

LEFTOVER_AGE = 3600.0
"""Seconds after which a folder without a lock, which an import or a deletion left, is deletable."""

_DEPTH = 5
"""Depth of a run below the folder of records: see `store`."""

State = Literal["finished", "unfinished", "unreadable", "leftover"]


@dataclass(frozen=True)
class StoredRun:
    """A run on disk.

    Attributes:
        out: the folder of the records.
        path: the run's folder below `out`.
        state: `unreadable` is a record that is damaged or of another schema; a `leftover` is what
            a killed import or deletion has left.
        size: bytes of its files.
        maps: bytes of its anomaly maps.
        modified: when it was last written, in seconds since the epoch.
        record: the record; of an unfinished run, one with nothing but key, protocol and cell. None
            if these are not known.
        experiences: number of experiences that an unfinished run has finished.
        problem: why the record is unreadable.
    """

    out: Path
    path: Path
    state: State
    size: int
    maps: int
    modified: float
    record: Record | None = field(default=None, repr=False)
    experiences: int | None = None
    problem: str = ""

    @property
    def final(self) -> Path:
        """The folder of the finished record."""
        return self.path.with_name(self.path.name.removesuffix(PARTIAL))

    @property
    def protocol(self) -> str:
        """The protocol's id; if it is not known, the name of its folder."""
        return self.record.protocol if self.record else self._folder(0)

    @property
    def method(self) -> str:
        """The method's name; if it is not known, the name in its folder."""
        return self.record.method if self.record else self._folder(3).rpartition("-")[0]

    @property
    def order(self) -> str:
        return self.record.order if self.record else self._folder(2)

    @property
    def seed(self) -> str:
        return str(self.record.seed) if self.record else self.final.name.removeprefix("seed-")

    @property
    def key(self) -> str:
        """The record's key; empty if it is not known."""
        return self.record.key if self.record else ""

    @property
    def kept_state(self) -> int:
        """Bytes of the method's final state that `--keep-state` kept; 0 if it was not kept."""
        try:
            return (self.path / STATE_FILE).stat().st_size
        except OSError:
            return 0

    @property
    def place(self) -> Path:
        """The run's folder relative to `out`."""
        return self.path.relative_to(self.out)

    def matches(self, ref: str) -> bool:
        """Whether `ref` is the beginning of a key, the method, a part of the path, or the path."""
        keys = (self.key, self.record.run["config_key"]) if self.record else ()
        if re.fullmatch(r"[0-9a-f]{4,64}", ref) and any(key.startswith(ref) for key in keys):
            return True
        if ref == self.method or ref in self.place.parts:
            return True
        top = self.out.resolve()
        folders = [folder.resolve() for folder in (Path(ref), self.out / ref) if folder.is_dir()]
        return any(
            self.path.resolve().is_relative_to(folder)
            for folder in folders
            if top in folder.parents  # not `.` or `/`, which would mean all runs
        )

    def _folder(self, place: int) -> str:
        parts = self.place.parts
        return parts[place] if len(parts) == _DEPTH else ""


def list_runs(out: Path) -> list[StoredRun]:
    """Every run under `out`, sorted by path."""
    return sorted(_runs(out), key=lambda run: run.path)


def is_running(run: StoredRun) -> bool:
    """Whether a process holds the lock of the run."""
    if not run.final.with_name(f".{run.final.name}.lock").exists():
        return False
    with record_lock(run.final, wait=False) as locked:
        return not locked


def delete_run(run: StoredRun) -> bool:
    """Delete a run, and the folders below the folder of records that are then empty.

    Returns:
        Whether it was deleted; False if another process is computing it, or may be writing it.

    Raises:
        CadbenchError: a file cannot be deleted.
    """
    if run.state == "leftover":
        if time.time() - run.modified < LEFTOVER_AGE:
            return False
        shutil.rmtree(run.path, ignore_errors=True)
        _remove_empty_folders(run.path.parent, run.out)
        return True
    with record_lock(run.final, wait=False) as locked:
        if not locked:
            return False
        name = f".{run.path.name.removesuffix(PARTIAL)}.{secrets.token_hex(4)}.deleted{PARTIAL}"
        deleted = run.path.with_name(name)
        try:
            # Renamed first: no other process sees a record without some of its files.
            os.replace(run.path, deleted)
            shutil.rmtree(deleted)
            if not any(folder.exists() for folder in (run.final, partial_dir(run.final))):
                run.final.with_name(f".{run.final.name}.lock").unlink(missing_ok=True)
        except FileNotFoundError:  # another process has deleted it
            pass
        except OSError as error:
            raise storage_error(error, run.path, "--out") from error
    _remove_empty_folders(run.path.parent, run.out)
    return True


def _runs(out: Path) -> Iterator[StoredRun]:
    for name, inner, files in os.walk(out):
        inner.sort()
        folder = Path(name)
        if folder != out and (RUN_FILE in files or name.endswith(PARTIAL)):
            inner.clear()
            yield from _read_run(out, folder)
        for file in sorted(files):
            lock = re.fullmatch(r"\.(seed-\d+)\.lock", file)
            if lock and lock[1] not in inner and lock[1] + PARTIAL not in inner:
                yield from _read_first_experience(out, folder / (lock[1] + PARTIAL))


def _read_first_experience(out: Path, path: Path) -> Iterator[StoredRun]:
    """A run that has written nothing yet, if a process holds its lock."""
    with contextlib.suppress(OSError):
        run = StoredRun(out, path, "unfinished", 0, 0, path.parent.stat().st_mtime)
        if is_running(run):
            yield run


def _read_run(out: Path, folder: Path) -> Iterator[StoredRun]:
    try:
        size, maps, modified = _measure(folder)
    except OSError:  # deleted or renamed since the folder was listed
        return
    if folder.name.startswith("."):
        yield StoredRun(out, folder, "leftover", size, maps, modified)
    elif folder.name.endswith(PARTIAL):
        cell, experiences = _progress(folder)
        record = None if cell is None else Record(folder, _run_of(cell))
        yield StoredRun(out, folder, "unfinished", size, maps, modified, record, experiences)
    else:
        try:
            yield StoredRun(out, folder, "finished", size, maps, modified, load_record(folder))
        except RecordError as error:
            problem = str(error)
            yield StoredRun(out, folder, "unreadable", size, maps, modified, problem=problem)


def _measure(folder: Path) -> tuple[int, int, float]:
    """Bytes of all files, bytes of the maps, and the time of the last change."""
    size, maps, modified = 0, 0, folder.stat().st_mtime
    for file in _files(folder):
        with contextlib.suppress(OSError):
            status = file.stat()
            size += status.st_size
            maps += status.st_size if file.name == MAPS_FILE else 0
            modified = max(modified, status.st_mtime)
    return size, maps, modified


def _files(folder: Path) -> Iterable[Path]:
    return (Path(inside, name) for inside, _, names in os.walk(folder) for name in names)


def _progress(partial: Path) -> tuple[Mapping[str, Any] | None, int | None]:
    """The cell of a run in progress and its number of finished experiences, as far as known."""
    cell, experiences = None, None
    with contextlib.suppress(OSError, ValueError):
        cell = json.loads((partial / CHECKPOINT / CELL_FILE).read_bytes())
    if content := unseal(partial / CHECKPOINT / HEAD_FILE):
        experiences = json.loads(content)["experience"]
    return cell, experiences


def _run_of(cell: Mapping[str, Any]) -> Run:
    known = {"key": cell_key(cell), "config_key": config_key(cell), "cell": cell}
    return cast("Run", {**known, "protocol": cell["protocol"]})


def _remove_empty_folders(folder: Path, out: Path) -> None:
    with contextlib.suppress(OSError):  # a folder is not empty
        while folder != out and folder.is_relative_to(out):
            folder.rmdir()
            folder = folder.parent
