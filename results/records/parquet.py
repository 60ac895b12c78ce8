"""Record tables as Parquet files: types are enforced on writing, checksums checked on reading."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CadbenchError, RecordError
from ..storage.files import whole_file
from .schema import ALL_TABLES, ASSIGNMENT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_FURTHER: dict[str, str] = {**ASSIGNMENT, "other": "string"}
"""Types of the columns that events may have besides the required ones."""


def write_table(path: Path, name: str, frame: pd.DataFrame) -> None:
    """Write `frame` as the record table `name` (a key of `ALL_TABLES`), columns in schema order."""
    import pyarrow.parquet as pq

    table = _typed(name, frame)
    with whole_file(path, durable=True) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_table(path: Path, name: str, expected: str) -> pa.Table:
    """Read a record table and check it.

    Args:
        path: the Parquet file.
        name: a key of `ALL_TABLES`.
        expected: SHA-256 (hex) of the file. Parquet itself does not notice altered values.

    Raises:
        RecordError: the file is missing, altered or unreadable, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise RecordError(
                f"{path} was altered: its checksum differs from the one in run.json; compute the "
                "cell again with --overwrite"
            )
        # Small tables need no threads, and starting threads fails when memory is short.
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except MemoryError:
        raise
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing; compute the cell again with --overwrite") from error
    except (OSError, pa.ArrowException, UnicodeError) as error:
        raise RecordError(
            f"cannot read {path} (truncated or altered?); compute the cell again with --overwrite"
        ) from error
    missing = [column for column in ALL_TABLES[name] if column not in table.column_names]
    if missing:
        raise RecordError(f"{path} has no column {', '.join(missing)}")
    for column, kind in ALL_TABLES[name].items():
        found = table.schema.field(column).type
        if not found.equals(pa.type_for_alias(kind)):
            raise RecordError(f"{path}: column {column} must hold {kind}, not {found}")
    return table


def as_frame(table: pa.Table, name: str) -> pd.DataFrame:
    """Convert a record table to pandas; `t` of the metrics becomes a nullable integer."""
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas(use_threads=False)
    if name == "metrics":
        frame["t"] = frame["t"].astype(pd.Int16Dtype())
    return frame


def _typed(name: str, frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    schema = dict(ALL_TABLES[name])
    missing = [column for column in schema if column not in frame.columns]
    if missing and len(frame):
        raise CadbenchError(f"the {name} table lacks the column {', '.join(missing)}")
    further = [column for column in frame.columns if column not in schema]
    if further and name != "events":
        raise CadbenchError(f"the {name} table has an unknown column {', '.join(further)}")
    types: dict[str, str | None] = {**schema, **{c: _FURTHER.get(c) for c in further}}
    arrays = {}
    for column, kind in types.items():
        values: Any = frame[column] if column in frame.columns else []
        try:
            arrays[column] = pa.array(
                values,
                type=pa.type_for_alias(kind) if kind else None,
                from_pandas=kind != "float64",
            )
        except pa.ArrowException as error:
            raise CadbenchError(
                f"column {column} of the {name} table must hold {kind or 'plain values'}: {error}"
            ) from error
    return pa.table(arrays)
