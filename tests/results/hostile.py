"""Exports that no `cadbench export` writes, made from an honest one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from cadbench.results.exchange.limits import MANIFEST_FILE
from cadbench.results.records.schema import cell_key, config_key, seal_of
from cadbench.results.records.store import record_dir

Entries = list[tuple[str, bytes]]


def entries_of(archive: Path) -> dict[str, bytes]:
    """The files of a zip by name."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write_zip(path: Path, entries: Iterable[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    """A zip of these entries, whatever their names, twice where they come twice."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def write_tar(path: Path, entries: Iterable[tuple[tarfile.TarInfo | str, bytes]]) -> Path:
    """A tar.gz of these entries."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_folder(path: Path, entries: Mapping[str, bytes]) -> Path:
    for name, content in entries.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return path


def listed(entries: Mapping[str, bytes], **changes: Any) -> dict[str, bytes]:
    """The entries with a manifest that fits them."""
    files = {name: content for name, content in entries.items() if name != MANIFEST_FILE}
    manifest: dict[str, Any] = {"format": 1, "cadbench": "0.1.0", "schema": 2}
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    return {MANIFEST_FILE: json.dumps({**manifest, **changes}).encode(), **files}


def with_run(entries: Mapping[str, bytes], change: Any, *, keyed: bool = True) -> dict[str, bytes]:
    """The one record of `entries` with a changed run.json; keys, place and manifest fit again."""
    (place,) = {name.rpartition("/")[0] for name in entries if name != MANIFEST_FILE}
    run = json.loads(entries[f"{place}/run.json"])
    change(run)
    if keyed:
        run |= {"key": cell_key(run["cell"]), "config_key": config_key(run["cell"])}
        moved = record_dir(Path(), run["cell"]).as_posix()
    else:
        moved = place
    run["seal"] = seal_of(run)
    files = {
        f"{moved}/{name.rpartition('/')[2]}": content
        for name, content in entries.items()
        if name != MANIFEST_FILE
    }
    return listed({**files, f"{moved}/run.json": json.dumps(run).encode()})


def with_file(entries: Mapping[str, bytes], file: str, content: bytes) -> dict[str, bytes]:
    """The one record of `entries` with another content of a file; all checksums fit again."""
    (place,) = {name.rpartition("/")[0] for name in entries if name != MANIFEST_FILE}

    def change(run: dict[str, Any]) -> None:
        run["checksums"][file] = hashlib.sha256(content).hexdigest()

    return with_run({**entries, f"{place}/{file}": content}, change)


def table_of(entries: Mapping[str, bytes], name: str) -> pd.DataFrame:
    (content,) = [held for path, held in entries.items() if path.endswith(f"/{name}.parquet")]
    return pq.read_table(io.BytesIO(content)).to_pandas()


def bomb(size: int) -> bytes:
    """A gzip of so many zero bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as packed:
        for _ in range(size // 2**20):
            packed.write(bytes(2**20))
    return buffer.getvalue()
