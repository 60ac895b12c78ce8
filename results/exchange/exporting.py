"""Export records to a folder, zip or tar.gz; the same records give the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

from ..counts import format_count
from ..errors import RecordError, UsageError
from ..records.record import MAPS_FILE, RUN_FILE, STATE_FILE, Record, checksum, run_text
from ..records.store import PARTIAL, record_dir
from ..storage.files import storage_error, whole_file
from .archives import archive_kind
from .limits import MANIFEST_FILE, MAX_BYTES, MAX_MEMBERS, MAX_TOTAL, Listed, manifest_bytes
from .verification import RunCheck, load_verified

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_MAX_STATE = MAX_BYTES[STATE_FILE]

Files = Mapping[str, Path | bytes]
"""Name in the export -> its file on disk, or its content."""


def export_records(
    records: Iterable[Record],
    to: Path,
    version: str,
    check_run: RunCheck = lambda run: None,
    *,
    maps: bool = True,
    state: bool = False,
    overwrite: bool = False,
    warn: Callable[[str], object] | None = None,
) -> int:
    """Write records to `to` atomically.

    Every record is checked as an import would check it. Copies of a record are written once. A zip
    is not compressed, so its bytes depend on no library; a tar.gz is smaller and has the same
    bytes with the same zlib.

    Args:
        records: the records.
        to: a new folder, .zip or .tar.gz file.
        version: the version of cadbench, for the manifest.
        check_run: checks that a run.json means what its protocol id says.
        maps: include the anomaly maps.
        state: include the states of methods that were kept.
        overwrite: replace an earlier export.
        warn: called with one line per record that fails a check, which is then left out. By default
            such a record ends the export.

    Returns:
        Number of records written.

    Raises:
        RecordError: names the first record that fails a check, or no record passes.
    """
    kind = archive_kind(to)
    _refuse_place(to, kind, overwrite)
    files: dict[str, Path | bytes] = {}
    keys: dict[str, Record] = {}
    for record in records:
        place = record_dir(Path(), record.cell).as_posix()
        if place in keys:
            _refuse_two(keys[place], record)
            continue
        try:
            load_verified(record.path, check_run)
        except RecordError as error:
            line = f"{record.path} cannot be exported: {error}"
            if warn is None:
                raise RecordError(line) from error
            warn(f"left out: {line}")
            continue
        keys[place] = record
        files |= {f"{place}/{name}": held for name, held in _files(record, maps, state).items()}
    if not keys:
        raise RecordError("none of these records can be exported; nothing was written")
    listed = {name: _listed(held) for name, held in files.items()}
    _refuse_size(listed)
    first = {MANIFEST_FILE: manifest_bytes(listed, version)}
    ordered: Files = {**first, **{name: files[name] for name in sorted(files)}}
    _WRITERS[kind](to, ordered)
    return len(keys)


def _files(record: Record, maps: bool, state: bool) -> dict[str, Path | bytes]:
    """The files of a record; run.json does not list those that are left out."""
    checksums = record.run["checksums"]
    left_out = [MAPS_FILE] * (not maps) + [STATE_FILE] * (not state)
    names = sorted(checksums.keys() - set(left_out))
    files: dict[str, Path | bytes] = {name: record.path / name for name in (RUN_FILE, *names)}
    if len(names) < len(checksums):
        run = {
            **record.run,
            "checksums": {name: checksums[name] for name in checksums if name in names},
        }
        if MAPS_FILE in checksums and not maps:
            run["maps"] = "none"
        files[RUN_FILE] = run_text(run)
    if state and STATE_FILE in files and (record.path / STATE_FILE).stat().st_size > _MAX_STATE:
        raise UsageError(
            f"{record.path / STATE_FILE} is larger than {_MAX_STATE} bytes, the limit of an "
            "import; export without --state"
        )
    return files


def _listed(held: Path | bytes) -> Listed:
    if isinstance(held, bytes):
        return Listed(len(held), hashlib.sha256(held).hexdigest())
    return Listed(held.stat().st_size, checksum(held))


def _refuse_size(listed: Mapping[str, Listed]) -> None:
    """Raise if an import would refuse the export because of its size."""
    total = sum(file.bytes for file in listed.values())
    if total > MAX_TOTAL or len(listed) >= MAX_MEMBERS:
        raise UsageError(
            f"{format_count(len(listed), 'file')} of {total} bytes exceed the limits of an import "
            f"({MAX_MEMBERS} files, {MAX_TOTAL} bytes); export fewer records at once, or add "
            "--no-maps"
        )


def _refuse_two(one: Record, other: Record) -> None:
    if one.run != other.run:
        raise UsageError(
            f"{one.path} and {other.path} are different records of one cell; export one of them"
        )


def _refuse_place(to: Path, kind: str, overwrite: bool) -> None:
    if kind == "folder" and to.is_dir():
        held = {entry.name for entry in to.iterdir()}
        if held and not (overwrite and MANIFEST_FILE in held):
            raise UsageError(
                f"--to {to}: the folder is not empty; choose another one"
                + (", or give --overwrite" if MANIFEST_FILE in held else "")
            )
    elif to.exists() and not (overwrite and to.is_file() and kind != "folder"):
        raise UsageError(f"--to {to}: it exists; choose another name, or give --overwrite")


def _write_folder(to: Path, files: Files) -> None:
    """Write a temporary folder and rename it; an earlier export is moved away first."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{to.name}.", suffix=PARTIAL, dir=to.parent))
        try:
            complete = temporary / "complete"
            for name, held in files.items():
                path = complete / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with _opened(held) as content, open(path, "xb") as target:
                    shutil.copyfileobj(content, target)
            if to.exists():
                os.replace(to, temporary / "replaced")
            os.replace(complete, to)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise storage_error(error, to) from error


def _write_zip(to: Path, files: Files) -> None:
    with whole_file(to) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, held in files.items():
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.create_system = 3
            info.external_attr = (0o100000 | _MODE) << 16
            with _opened(held) as content, archive.open(info, "w", force_zip64=False) as target:
                shutil.copyfileobj(content, target)


def _write_tar(to: Path, files: Files) -> None:
    with (
        whole_file(to) as partial,
        open(partial, "wb") as target,
        gzip.GzipFile("", "wb", 6, target, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, held in files.items():
            info = tarfile.TarInfo(name)
            info.size = _listed(held).bytes
            info.mode = _MODE
            with _opened(held) as content:
                archive.addfile(info, content)


def _opened(held: Path | bytes) -> IO[bytes]:
    return io.BytesIO(held) if isinstance(held, bytes) else open(held, "rb")


_WRITERS: Mapping[str, Callable[[Path, Files], None]] = {
    "folder": _write_folder,
    "zip": _write_zip,
    "tar.gz": _write_tar,
}
