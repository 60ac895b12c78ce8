"""A finished run record: run.json is read immediately, tables on first use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..errors import CadbenchError, OtherSchemaError, RecordError
from ..validation import parse_json
from .parquet import as_frame, read_table
from .run_types import check_run
from .schema import RECORD_SCHEMA, TABLES, Run, cell_key, config_key, seal_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

RUN_FILE = "run.json"
MAPS_FILE = "maps.npy"
STATE_FILE = "state.safetensors"


@dataclass(frozen=True)
class Record:
    """A run record. Tables are read on first use and cached; do not change them in place."""

    path: Path
    run: Run = field(repr=False)

    @property
    def key(self) -> str:
        return self.run["key"]

    @property
    def cell(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.run["cell"])

    @property
    def method(self) -> str:
        return str(self.cell["method"]["name"])

    @property
    def params(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.cell["method"]["params"])

    @property
    def protocol(self) -> str:
        return self.run["protocol"]

    @property
    def routing(self) -> str:
        return str(self.cell["routing"])

    @property
    def order(self) -> str:
        return str(self.cell["order"]["name"])

    @property
    def seed(self) -> int:
        return int(self.cell["seed"])

    @property
    def data_notes(self) -> list[str]:
        """What is odd about the data, one line per category and kind."""
        return [
            f"{note['category']}: {note['text']}" if note["category"] else note["text"]
            for note in self.run.get("data_notes", ())
        ]

    @property
    def experiences(self) -> list[list[str]]:
        return self.run["experiences"]

    @property
    def categories(self) -> list[str]:
        """All categories in the order of the stream."""
        return [category for experience in self.experiences for category in experience]

    @property
    def introduced(self) -> list[int]:
        """The experience, from 1, that introduces each of `categories`: s in formulas."""
        return [t for t, names in enumerate(self.experiences, start=1) for _ in names]

    def table(self, name: str) -> pa.Table:
        """Read and check a table (a key of `ALL_TABLES`) as Arrow; the result is not cached."""
        file = f"{name}.parquet"
        return read_table(self.path / file, name, self.run["checksums"].get(file, "none"))

    @cached_property
    def scores(self) -> pd.DataFrame:
        return as_frame(self.table("scores"), "scores")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        return as_frame(self.table("metrics"), "metrics")

    @cached_property
    def memory(self) -> pd.DataFrame:
        return as_frame(self.table("memory"), "memory")

    @cached_property
    def events(self) -> pd.DataFrame:
        return as_frame(self.table("events"), "events")

    @cached_property
    def held_out(self) -> pd.DataFrame | None:
        """The scores of held-out training images; None for a run without `--holdout`."""
        if "held_out.parquet" not in self.run["checksums"]:
            return None
        return as_frame(self.table("held_out"), "held_out")

    def maps(self) -> np.ndarray | None:
        """The patch maps (N, h, w) float16, memory-mapped; None if the run kept no maps.

        Raises:
            RecordError: the file was altered, or it does not hold one map of the grid per score.
        """
        path = self.path / MAPS_FILE
        if not path.exists():
            return None
        if not self._maps_are_unaltered:
            raise RecordError(_altered(path))
        try:
            maps = cast("np.ndarray", np.load(path, mmap_mode="r", allow_pickle=False))
        except Exception as error:  # a damaged header can raise nearly anything in NumPy
            raise RecordError(f"cannot read {path} (truncated or altered?)") from error
        scored = self.scores["experience"]
        rows = scored if self.run["maps"] == "all" else scored[scored == len(self.experiences)]
        grid = self.run.get("map_grid", self.run["features"]["grid"])
        expected = (len(rows), *grid)
        if maps.dtype != np.float16 or maps.shape != expected:
            raise RecordError(
                f"{path} holds {maps.dtype} {maps.shape}, expected float16 {expected}: one map of "
                f"the grid in {RUN_FILE} per score"
            )
        return maps

    @property
    def has_state(self) -> bool:
        """Whether the final state of the method was kept (`--keep-state`)."""
        return STATE_FILE in self.run["checksums"]

    def state_file(self) -> Path:
        """The file of the method's final state.

        Raises:
            RecordError: the state was not kept, or the file is missing or was altered.
        """
        path = self.path / STATE_FILE
        if not self.has_state or not path.is_file():
            raise RecordError(f"{self.path} has no method state; compute it with --keep-state")
        if checksum(path) != self.run["checksums"][STATE_FILE]:
            raise RecordError(_altered(path))
        return path

    @cached_property
    def _maps_are_unaltered(self) -> bool:
        return checksum(self.path / MAPS_FILE) == self.run["checksums"].get(MAPS_FILE)

    def verify(self) -> None:
        """Check every file against its checksum.

        Raises:
            RecordError: names the first file that is missing or differs.
        """
        checksums = self.run["checksums"]
        unlisted = sorted({f"{name}.parquet" for name in TABLES} - checksums.keys())
        if unlisted:
            raise RecordError(f"{self.path / RUN_FILE} has no checksum of {', '.join(unlisted)}")
        for name, expected in checksums.items():
            path = self.path / name
            if not path.is_file():
                raise RecordError(f"{path} is missing; compute the cell again with --overwrite")
            if checksum(path) != expected:
                raise RecordError(_altered(path))


def load_record(path: str | Path, *, verify: bool = False) -> Record:
    """Read the record in a folder.

    Args:
        path: the folder of the record, or its run.json.
        verify: check all files against their checksums.

    Raises:
        RecordError: there is no record, or it is incomplete, altered or of another schema.
    """
    path = Path(path)
    folder = path.parent if path.name == RUN_FILE else path
    record = Record(folder, _read_run(folder / RUN_FILE))
    if verify:
        record.verify()
    return record


def checksum(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def run_text(run: Mapping[str, Any]) -> bytes:
    """Serialize the entries of a run.json, with a checksum over them (the entry `seal`)."""
    sealed = {**run, "seal": seal_of(run)}
    return json.dumps(sealed, indent=2, allow_nan=False).encode() + b"\n"


def _altered(path: Path) -> str:
    return f"{path} was altered: its checksum differs from the one in {RUN_FILE}"


def _read_run(path: Path) -> Run:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise RecordError(
            f"no record at {path.parent}: {RUN_FILE} cannot be read ({reason})"
        ) from error
    try:
        run = parse_json(content, str(path), RecordError)
    except RecordError as error:
        raise RecordError(f"{error}; compute the cell again with --overwrite") from error
    if not isinstance(run, dict):
        raise RecordError(f"{path} does not hold a record")
    if run.get("schema") != RECORD_SCHEMA:
        raise OtherSchemaError(
            f"{path} has record schema {run.get('schema')!r}, this cadbench reads "
            f"{RECORD_SCHEMA}; compute the cell again with --overwrite"
        )
    missing = sorted(Run.__required_keys__ - run.keys())
    if missing:
        raise RecordError(f"{path} has no entry {', '.join(missing)}")
    if not isinstance(run["cell"], dict):
        raise RecordError(f"{path} does not hold a record")
    try:
        keys = cell_key(run["cell"]), config_key(run["cell"])
        seal = seal_of(run)
    except CadbenchError as error:
        raise RecordError(f"{path} was altered: {error}") from error
    if (run["key"], run["config_key"]) != keys:
        raise RecordError(f"{path} was altered: its key does not match its cell")
    if run.get("seal", seal) != seal:
        raise RecordError(f"{path} was altered: its seal does not match its other entries")
    check_run(run, str(path))
    return cast("Run", run)
