"""Import an export into `runs/`: unpack to a temporary folder, check, publish record by record."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import CadbenchError, RecordError
from ..records.record import MAPS_FILE, RUN_FILE, STATE_FILE, Record, load_record
from ..records.store import PARTIAL, partial_dir, publish, record_dir
from ..storage.files import storage_error
from ..storage.locks import file_lock, record_lock
from .unpacking import Unpacked, unpack
from .verification import RunCheck, load_verified

_STAGE = ".import-"
_HOUR = 3600

State: TypeAlias = Literal["new", "there", "replaced", "refused"]


@dataclass(frozen=True)
class Imported:
    """The result for one record of an export.

    Attributes:
        name: its folder in the export.
        reason: why it was refused.
    """

    name: str
    state: State
    record: Record | None = None
    reason: str = ""


def import_records(
    source: Path, out: Path, check_run: RunCheck = lambda run: None, *, overwrite: bool = False
) -> Iterator[Imported]:
    """Import the records of an export into `out`, one after another.

    Temporary files are in `out/.import-*.partial`. They are deleted at the end, or by the next
    import after a kill.

    Args:
        source: the export.
        out: folder of the run records.
        check_run: checks that a run.json means what its protocol id says.
        overwrite: replace records that differ.

    Yields:
        One result per record; refused records do not stop the others.

    Raises:
        RecordError: the export is refused, and nothing is imported.
    """
    with _stage(out) as stage:
        for unpacked in unpack(source, stage):
            try:
                record = _checked(unpacked, check_run)
                state = _place(record, out, overwrite)
            except RecordError as error:
                yield Imported(unpacked.name, "refused", reason=str(error))
                continue
            placed = load_record(record_dir(out, record.cell))
            yield Imported(unpacked.name, state, placed)


def _checked(unpacked: Unpacked, check_run: RunCheck) -> Record:
    if unpacked.wrong:
        raise RecordError(unpacked.wrong)
    record = load_verified(unpacked.folder, check_run)
    belongs = record_dir(Path(), record.cell).as_posix()
    if belongs != unpacked.name:
        raise RecordError(f"{RUN_FILE}: its cell belongs into {belongs}")
    return record


def _place(record: Record, out: Path, overwrite: bool) -> State:
    """Publish the record unless an equal one exists; RecordError if it may not be replaced."""
    final = record_dir(out, record.cell)
    if final.exists() and _equal(final, record):
        return "there"
    if final.exists():
        _refuse_other(final, record, overwrite)
    with record_lock(final, wait=False) as mine:
        if not mine:
            raise RecordError("another process is computing it; import it again later")
        _finish_other(final)
        if not final.exists():
            moved = _move_next_to(record.path, final)
            try:
                publish(moved, final)
            finally:
                shutil.rmtree(moved, ignore_errors=True)
            return "new"
        # Another process may have published it before we held the lock.
        if _equal(final, record):
            return "there"
        _refuse_other(final, record, overwrite)
        # From this folder a run can finish what a kill leaves between the two renames.
        partial = partial_dir(final)
        try:
            if partial.exists():
                shutil.rmtree(partial)
            _move_next_to(record.path, final).rename(partial)
        except OSError as error:
            raise storage_error(error, final) from error
        publish(partial, final)
        return "replaced"


def _move_next_to(folder: Path, final: Path) -> Path:
    """Move a checked record next to its final place, where renaming it is possible.

    A part of `runs/` may be a link to another file system. The name is one that `publish` deletes
    if a kill leaves it.
    """
    moved = final.with_name(f".{final.name}.{secrets.token_hex(4)}.replaced{PARTIAL}")
    try:
        try:
            folder.rename(moved)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copytree(folder, moved)
            for entry in moved.iterdir():
                with open(entry, "rb") as handle:
                    os.fsync(handle.fileno())
    except OSError as error:
        shutil.rmtree(moved, ignore_errors=True)
        raise storage_error(error, final) from error
    return moved


def _finish_other(final: Path) -> None:
    """Publish a record that a killed process had completed but not renamed."""
    partial = partial_dir(final)
    if final.exists() or not (partial / RUN_FILE).exists():
        return
    with contextlib.suppress(RecordError):
        publish(partial, final)


def _equal(final: Path, record: Record) -> bool:
    """Whether two records are equal; the existing one may have maps that the other lacks."""
    try:
        there = load_record(final, verify=True)
    except RecordError:
        return False
    return not _differences(there, record)


def _differences(there: Record, record: Record) -> list[str]:
    """Names of the parts that differ; maps and a state that only the existing record has do not."""
    mine, theirs = _parts(there), _parts(record)
    if MAPS_FILE not in theirs:
        mine.pop(MAPS_FILE, None)
        mine["maps"] = theirs["maps"]
    if STATE_FILE not in theirs:
        mine.pop(STATE_FILE, None)
    return sorted(
        name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
    )


def _parts(record: Record) -> dict[str, Any]:
    """The entries of run.json and the checksums of the other files."""
    entries: dict[str, Any] = {**record.run}
    files = entries.pop("checksums")
    entries.pop("seal", None)  # derived from the others; records of older versions have none
    return {**entries, **files}


def _refuse_other(final: Path, record: Record, overwrite: bool) -> None:
    try:
        there = load_record(final, verify=True)
    except RecordError:
        if not overwrite:
            raise RecordError("a damaged record is in its place; --overwrite replaces it") from None
        return
    if there.key != record.key:
        raise RecordError(
            f"a record of another cell ({there.key[:16]}) is in its place; import it into another "
            "folder with --out"
        )
    if not overwrite:
        parts = ", ".join(_differences(there, record))
        raise RecordError(
            f"a different record of this cell exists (they differ in {parts}); --overwrite "
            "replaces it"
        )


@contextlib.contextmanager
def _stage(out: Path) -> Iterator[Path]:
    """A temporary folder inside `out`, so that publishing is a rename; it is always deleted."""
    created = not out.exists()
    stage = out / f"{_STAGE}{secrets.token_hex(8)}{PARTIAL}"
    lock = stage.with_name(f"{stage.name}.lock")
    try:
        with file_lock(lock, wait=True):
            _sweep(out)
            try:
                stage.mkdir()
            except OSError as error:
                raise storage_error(error, out) from error
            try:
                yield stage
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)
            if created:
                out.rmdir()


def _sweep(out: Path) -> None:
    """Delete what killed imports left: their locks are free."""
    for stage in out.glob(f"{_STAGE}*{PARTIAL}"):
        lock = stage.with_name(f"{stage.name}.lock")
        with contextlib.suppress(CadbenchError, OSError), file_lock(lock, wait=False) as held:
            if held:
                shutil.rmtree(stage, ignore_errors=True)
                lock.unlink(missing_ok=True)
    for lock in out.glob(f"{_STAGE}*{PARTIAL}.lock*"):  # of imports that were killed at once
        with contextlib.suppress(OSError):
            if time.time() - lock.stat().st_mtime > _HOUR:
                lock.unlink()
