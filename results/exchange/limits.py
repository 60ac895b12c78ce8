"""The layout of an export, and its size limits.

    cadbench-export.json                                 the manifest: size and SHA-256 of each file
    <protocol>/<features>/<order>/<method>-<key>/seed-<n>/run.json, scores.parquet, ..

The folders are those of `runs/`. Anything else in an export is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import OtherSchemaError, RecordError
from ..records.record import MAPS_FILE, RUN_FILE, STATE_FILE
from ..records.schema import ALL_TABLES, RECORD_SCHEMA
from ..sanitizing import printable
from ..validation import parse_json

MANIFEST_FILE = "cadbench-export.json"
FORMAT = 1
"""Version of the manifest; records have their own schema version."""

MEBI = 2**20
MAX_BYTES = {
    MANIFEST_FILE: 32 * MEBI,
    RUN_FILE: 4 * MEBI,
    **{f"{name}.parquet": 256 * MEBI for name in ALL_TABLES},
    MAPS_FILE: 1024 * MEBI,
    STATE_FILE: 4096 * MEBI,
}
"""Largest size in bytes per file, declared or actual; other files are refused."""
MAX_TOTAL = 16 * 1024 * MEBI
"""Largest total size in bytes."""
MAX_MEMBERS = 100_000
"""Largest number of files and folders: about 14,000 records."""
MAX_RATIO, FREE_BYTES = 200, 64 * MEBI
"""Largest ratio of unpacked to packed bytes, and the bytes allowed in addition."""
MAX_ROWS = 5_000_000
"""Largest number of rows per table: 200 categories, 240 test images, scored every time."""
MAX_TABLE_BYTES = 2048 * MEBI
"""Largest decoded size of a table in bytes."""
MAX_TEXT = 4096
"""Longest text in characters."""
MAX_SEGMENT = 200
"""Longest part of a path in characters."""

_FOLDERS = 5
_SEGMENT = re.compile(rf"[A-Za-z0-9_@-][A-Za-z0-9._@-]{{0,{MAX_SEGMENT - 1}}}")


@dataclass(frozen=True)
class Listed:
    """The entry of one file in the manifest."""

    bytes: int
    sha256: str


def quoted_name(name: str) -> str:
    """Quote the name of a member for an error message, shortened and safe to print."""
    text = printable(name)
    return f"'{text if len(text) <= 120 else f'{text[:117]}...'}'"


def inner_parts(name: str) -> tuple[str, ...]:
    """Split a member's name into its parts; RecordError if it points outside the export."""
    parts = tuple(name.split("/"))
    if name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in parts:
        raise RecordError(f"{quoted_name(name)} points outside the folder")
    return parts


def check_name(name: str, *, folder: bool = False) -> tuple[str, ...]:
    """Split a member's name into its parts; RecordError if no export has such a name.

    Files are unpacked under new names, so a member's name never becomes a path. A name that points
    outside the folder is refused nevertheless, because other programs would follow it.
    """
    parts = inner_parts(name)
    if len(parts) > _FOLDERS + (not folder):
        raise RecordError(f"{quoted_name(name)} has too many folders")
    if not all(_SEGMENT.fullmatch(part) for part in parts):
        raise RecordError(f"{quoted_name(name)} is not a name that an export has")
    if folder:
        expected = parts[0] != MANIFEST_FILE
    else:
        expected = name == MANIFEST_FILE or (
            len(parts) == _FOLDERS + 1 and parts[-1] in MAX_BYTES and parts[-1] != MANIFEST_FILE
        )
        expected = expected and (len(parts) == 1 or parts[0] != MANIFEST_FILE)
    if not expected:
        raise RecordError(f"{quoted_name(name)} does not belong in an export")
    return parts


def manifest_bytes(files: dict[str, Listed], version: str) -> bytes:
    """Write the manifest of these files; the same files give the same bytes."""
    content = {
        "format": FORMAT,
        "cadbench": version,
        "schema": RECORD_SCHEMA,
        "files": {name: vars(files[name]) for name in sorted(files)},
    }
    return json.dumps(content, indent=1, sort_keys=True).encode("ascii") + b"\n"


def read_manifest(data: bytes) -> dict[str, Listed]:
    """Read the files that a manifest lists; RecordError if it is invalid or of another version."""
    content = strict_json(data, MANIFEST_FILE)
    if not isinstance(content, dict) or set(content) != {"format", "cadbench", "schema", "files"}:
        raise RecordError(f"{MANIFEST_FILE} is not what `cadbench export` writes")
    for name, mine in (("format", FORMAT), ("schema", RECORD_SCHEMA)):
        if content[name] != mine or isinstance(content[name], bool):
            raise OtherSchemaError(
                f"it was written by cadbench {quoted_name(str(content['cadbench']))} with {name} "
                f"{printable(str(content[name]))[:40]}, this cadbench reads {mine}; export it "
                "again with this version"
            )
    listed = content["files"]
    if not isinstance(listed, dict) or not listed:
        raise RecordError(f"{MANIFEST_FILE} lists no files")
    if len(listed) > MAX_MEMBERS:
        raise RecordError(f"{MANIFEST_FILE} lists more than {MAX_MEMBERS} files")
    return {name: _listed(name, entry) for name, entry in listed.items()}


def strict_json(data: bytes, where: str) -> Any:
    """Parse JSON that cadbench wrote: UTF-8, unique names, finite numbers, limited depth."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name occurs twice")
        return found

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return parse_json(data, where, RecordError, object_pairs_hook=once, parse_constant=refuse)
    except RecordError as error:
        raise RecordError(f"{printable(str(error))[:160]}; cadbench did not write it") from error


def _listed(name: str, entry: Any) -> Listed:
    if len(check_name(name)) == 1:
        raise RecordError(f"{MANIFEST_FILE} lists itself")
    if not (
        isinstance(entry, dict)
        and set(entry) == {"bytes", "sha256"}
        and type(entry["bytes"]) is int
        and entry["bytes"] >= 0
        and isinstance(entry["sha256"], str)
        and re.fullmatch("[0-9a-f]{64}", entry["sha256"])
    ):
        raise RecordError(f"{MANIFEST_FILE} does not give size and SHA-256 of {quoted_name(name)}")
    return Listed(entry["bytes"], entry["sha256"])
