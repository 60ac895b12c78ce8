"""Where records are stored, how they are written atomically, and how they are found.

    <out>/<protocol>/<features>/<order>/<method>-<config key>/seed-<n>/

A run in progress writes to `seed-<n>.partial/` in the same folder; `write_record` renames it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..did_you_mean import suggestion
from ..errors import OtherSchemaError, RecordError, UsageError
from ..storage.files import storage_error, whole_file, write_bytes
from .parquet import write_table
from .record import MAPS_FILE, RUN_FILE, STATE_FILE, Record, checksum, load_record, run_text
from .schema import ALL_TABLES, TABLES, Cell, config_key, features_key

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PARTIAL = ".partial"
_LONGEST = 120
"""Longest folder name in characters; file systems allow about 250, encrypted ones fewer."""


def record_dir(out: Path, cell: Cell) -> Path:
    """The folder of the cell's record under `out`."""
    features = cell["features"]
    return (
        out
        / _slug(cell["protocol"])
        / _slug(f"{features['backbone']}-{features['embedding']}-{features_key(cell)[:8]}")
        / _slug(cell["order"]["name"])
        / _slug(f"{cell['method']['name']}-{config_key(cell)[:8]}")
        / f"seed-{cell['seed']}"
    )


def partial_dir(final_dir: Path) -> Path:
    """The folder that a run writes to until its record `final_dir` is complete."""
    return final_dir.with_name(final_dir.name + PARTIAL)


def write_record(
    partial: Path,
    final: Path,
    run: Mapping[str, Any],
    frames: Mapping[str, pd.DataFrame],
    maps: np.ndarray | None = None,
    write_state: Callable[[Path], object] | None = None,
) -> Record:
    """Write a record into `partial` and rename it to `final`, replacing an older record.

    run.json is written last, so a `partial` with a run.json is complete, and `publish` can finish
    it after a kill.

    Args:
        partial: folder of the run in progress.
        final: folder of the record.
        run: run.json without its checksums.
        frames: one DataFrame per key of `TABLES`, and those of `OPTIONAL_TABLES` that there are.
        maps: patch maps (N, h, w), or None.
        write_state: writes the method's state to a file; None if it is not kept.
    """
    (partial / RUN_FILE).unlink(missing_ok=True)
    names = [name for name in ALL_TABLES if name in TABLES or name in frames]
    for name in names:
        write_table(partial / f"{name}.parquet", name, frames[name])
    if maps is not None:
        _write_maps(partial / MAPS_FILE, maps)
    files = [f"{name}.parquet" for name in names] + [MAPS_FILE] * (maps is not None)
    if write_state is not None:
        with whole_file(partial / STATE_FILE, durable=True) as temporary:
            write_state(temporary)
        files.append(STATE_FILE)
    checksums = {name: checksum(partial / name) for name in files}
    write_bytes(partial / RUN_FILE, run_text({**run, "checksums": checksums}), durable=True)
    return publish(partial, final)


def publish(partial: Path, final: Path) -> Record:
    """Rename the complete record in `partial` to `final`, and delete checkpoints in it.

    An older `final` is renamed first, so that at every moment one complete record exists under
    `final` or `partial`.
    """
    record = load_record(partial, verify=True)
    keep = {RUN_FILE, *record.run["checksums"]}
    aside = final.with_name(f".{final.name}.{secrets.token_hex(4)}.replaced{PARTIAL}")
    try:
        for entry in partial.iterdir():
            if entry.name not in keep:
                _delete(entry)
        if final.exists():
            os.replace(final, aside)
        try:
            os.replace(partial, final)
        except BaseException:
            if aside.exists():
                os.replace(aside, final)
            raise
        for old in final.parent.glob(f".{final.name}.*.replaced{PARTIAL}"):
            _delete(old)
    except OSError as error:
        raise storage_error(error, final) from error
    return load_record(final)


def find_records(out: Path, warn: Callable[[str], object] = lambda line: None) -> list[Record]:
    """Read every record under `out`, sorted by path.

    Folders that are links are followed; a record that several paths lead to is read once.

    Args:
        out: folder of the run records.
        warn: called with one line per record or folder that cannot be read; records with the schema
            of another version of cadbench share one line.
    """
    records, old = [], 0
    for folder in _record_folders(out, warn):
        try:
            records.append(load_record(folder))
        except OtherSchemaError:
            old += 1
        except RecordError as error:
            warn(f"skipped: {error}")
    if old:
        warn(
            f"skipped: {old} record{'s' if old > 1 else ''} under {out} with the schema of "
            "another version of cadbench; compute the cells again"
        )
    return records


def resolve_runs(out: Path, ref: str, records: list[Record]) -> list[Record]:
    """All of `records` (those under `out`) that match `ref`, or those in the folder `ref`.

    Raises:
        UsageError: nothing matches.
    """
    for folder in (Path(ref), out / ref) if ref else ():
        if (folder / RUN_FILE).is_file() or (folder.name == RUN_FILE and folder.is_file()):
            return [load_record(folder)]
        inside = [r for r in records if _is_inside(r.path, folder)]
        if inside:
            return inside
    found = records if ref == "all" else [r for r in records if _matches(r, ref, out)]
    if not found:
        raise UsageError(_no_match(ref, records))
    return found


def resolve_run(out: Path, ref: str, warn: Callable[[str], object] = lambda line: None) -> Record:
    """The one record that matches `ref`.

    Args:
        out: folder of the run records.
        ref: a folder, the beginning of a key, or the name of a method or of a part of the path.
        warn: called with one line per record that cannot be read, if another one matches.

    Raises:
        UsageError: no record or several records match.
    """
    for folder in (Path(ref), out / ref):
        if (folder / RUN_FILE).is_file() or (folder.name == RUN_FILE and folder.is_file()):
            return load_record(folder)
    damaged: list[str] = []
    records = find_records(out, damaged.append)
    if not records:
        raise UsageError(f"no records in {out}; create some with `cadbench run`")
    found = [record for record in records if _matches(record, ref, out)]
    if len(found) == 1:
        for line in damaged:
            warn(line)
        return found[0]
    if found:
        raise UsageError(
            f"{ref!r} matches {len(found)} records; choose one:", listed=_choices(found)
        )
    unread = f" ({'; '.join(damaged)})" if damaged else ""
    raise UsageError(_no_match(ref, records) + unread)


def _no_match(ref: str, records: list[Record]) -> str:
    close = suggestion(ref, sorted({record.method for record in records}))
    return f"no record matches {ref!r}{close}; `cadbench runs ls` lists keys and parameters"


def _matches(record: Record, ref: str, out: Path) -> bool:
    hexadecimal = re.fullmatch(r"[0-9a-f]{4,64}", ref) is not None
    keys = (record.key, record.run["config_key"])
    return (
        ref == record.method
        or (hexadecimal and any(key.startswith(ref) for key in keys))
        or ref in record.path.relative_to(out).parts
    )


def _choices(records: list[Record]) -> list[str]:
    """One line per record: its key, the parameters that differ, seed, order and protocol."""
    lines = []
    for record in records[:20]:
        others = [other.params for other in records if other.method == record.method]
        differing = [
            f"{name}={value}"
            for name, value in record.params.items()
            if any(other.get(name) != value for other in others)
        ]
        words = [record.method, *differing, f"seed {record.seed}, {record.order}"]
        lines.append(f"  {record.key[:8]}  {' '.join(words)}, {record.protocol}")
    more = len(records) - len(lines)
    return lines + [f"  and {more} more"] * (more > 0)


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or below it, as it is written or with all links resolved."""
    return path.absolute().is_relative_to(folder.absolute()) or path.resolve().is_relative_to(
        folder.resolve()
    )


def _record_folders(out: Path, warn: Callable[[str], object]) -> Iterator[Path]:
    def skip(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # also: deleted since it was listed
            warn(f"skipped: the folder {error.filename} cannot be read ({error.strerror})")

    visited = set()
    for folder, inner, files in os.walk(out, onerror=skip, followlinks=True):
        try:
            status = os.stat(folder)
        except OSError as error:
            skip(error)
            continue
        place = status.st_dev, status.st_ino
        if place in visited:  # links may lead to a folder twice, or form a loop
            inner.clear()
            continue
        visited.add(place)
        inner[:] = sorted(name for name in inner if not name.endswith(PARTIAL))
        if RUN_FILE in files:
            inner.clear()
            yield Path(folder)


def _slug(name: str) -> str:
    """Turn any name into a folder name that is valid on every file system."""
    slug = re.sub(r"[^A-Za-z0-9._@-]+", "-", name).lstrip(".") or "-"
    if len(slug) > _LONGEST:
        digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()
        slug = f"{slug[: _LONGEST - 9]}-{digest[:8]}"
    # Folders with this ending count as runs in progress, so their records would not be found.
    return f"{slug}-" if slug.endswith(PARTIAL) else slug


def _write_maps(path: Path, maps: np.ndarray) -> None:
    import numpy as np

    with whole_file(path, durable=True) as partial, open(partial, "wb") as handle:
        np.save(handle, maps.astype(np.float16, copy=False), allow_pickle=False)


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
