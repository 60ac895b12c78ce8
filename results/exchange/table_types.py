"""Checks the tables of an imported record: columns, types, sizes and possible values.

Sizes are checked before anything is decoded, because a few bytes can encode billions of rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RecordError
from ..records.schema import ALL_TABLES, ASSIGNMENT, TABLES, UTILIZATION
from .limits import FREE_BYTES, MAX_RATIO, MAX_ROWS, MAX_TABLE_BYTES, quoted_name
from .run_values import check_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..records.record import Record

_NULLABLE = {("metrics", "t"), ("metrics", "category"), ("memory", UTILIZATION)}
_PLAIN = ("int8", "int16", "int32", "int64", "float", "double", "bool", "string", "null")
"""Arrow types that further columns of events may have."""
_BATCH = 8192
_MAX_COLUMNS = 200


def check_tables(record: Record) -> None:
    """Raise `RecordError` for the first table that cadbench could not have written."""
    for name in TABLES:
        _check_table(record.path / f"{name}.parquet", name)
    held_out = record.path / "held_out.parquet"
    if held_out.name in record.run["checksums"]:
        _check_table(held_out, "held_out")  # before it is decoded
    if record.held_out is not None:
        _check_held_out(record, record.held_out)
    known = set(record.categories)
    T = len(record.experiences)
    for name, frame in (
        ("scores", record.scores),
        ("memory", record.memory),
        ("events", record.events),
    ):
        if len(frame) and not frame["experience"].between(1, T).all():
            raise RecordError(f"{name}.parquet has experiences outside 1 to {T}")
    _check_scores(record, known)
    _check_events(record.events, known)


def _check_table(path: Path, name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = path.name
    try:
        schema = pq.read_schema(path)
        _check_columns(schema, name, where)
        # Texts stay dictionary-encoded: decoded, one long text per row could fill the memory.
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        with pq.ParquetFile(
            path,
            read_dictionary=texts,
            thrift_string_size_limit=2**20,
            thrift_container_size_limit=2**20,
        ) as file:
            _check_sizes(file.metadata, path.stat().st_size, where)
            size = 0
            for batch in file.iter_batches(_BATCH):
                for field, column in zip(batch.schema, batch.columns, strict=True):
                    _check_column(field, column, name, where)
                    size += _decoded_size(column)
                if size > MAX_TABLE_BYTES:
                    raise RecordError(f"{where} holds more than {MAX_TABLE_BYTES} bytes")
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{where} is not a complete Parquet file") from error


def _check_sizes(metadata: pa.parquet.FileMetaData, size: int, where: str) -> None:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if not 0 <= metadata.num_rows <= MAX_ROWS or sum(g.num_rows for g in groups) > MAX_ROWS:
        raise RecordError(f"{where} has {metadata.num_rows} rows, the limit is {MAX_ROWS}")
    if metadata.num_columns > _MAX_COLUMNS:
        raise RecordError(
            f"{where} has {metadata.num_columns} columns, the limit is {_MAX_COLUMNS}"
        )
    decoded = sum(
        group.column(i).total_uncompressed_size
        for group in groups
        for i in range(metadata.num_columns)
    )
    limit = min(MAX_TABLE_BYTES, MAX_RATIO * size + FREE_BYTES)
    if decoded > limit:
        raise RecordError(f"{where} declares {decoded} bytes, the limit is {limit}")


def _check_columns(schema: pa.Schema, name: str, where: str) -> None:
    import pyarrow as pa

    expected = dict(ALL_TABLES[name])
    if schema.metadata or len(set(schema.names)) != len(schema.names):
        raise RecordError(f"{where} has metadata or columns that cadbench does not write")
    for column, kind in expected.items():
        if column not in schema.names:
            raise RecordError(f"{where} has no column {column}")
        if schema.field(column).type != pa.type_for_alias(kind):
            raise RecordError(
                f"column {column} of {where} holds {schema.field(column).type}, not {kind}"
            )
    for field in schema:
        if field.name in expected:
            continue
        if name != "events":
            raise RecordError(f"{where} has an unknown column {quoted_name(field.name)}")
        check_text(field.name, where)
        known = ASSIGNMENT.get(field.name)
        if str(field.type) not in _PLAIN or (known and field.type != pa.type_for_alias(known)):
            raise RecordError(
                f"column {quoted_name(field.name)} of {where} holds {field.type}, not "
                f"{known or 'plain values'}"
            )


def _check_column(field: pa.Field, column: pa.Array, name: str, where: str) -> None:
    import pyarrow as pa

    required = field.name in ALL_TABLES[name] and (name, field.name) not in _NULLABLE
    if required and column.null_count:
        raise RecordError(f"column {field.name} of {where} lacks values")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if pa.types.is_string(column.type):
        for text in column.unique().to_pylist():
            if text is not None:
                check_text(text, f"column {field.name} of {where}")


def _decoded_size(column: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return (pc.sum(lengths).as_py() or 0) + 4 * len(column)


def _check_scores(record: Record, known: set[str]) -> None:
    """Check labels, and that no category or image is missing after it was introduced."""
    scores = record.scores
    if not scores["label"].isin([0, 1]).all() or (scores["route"] < -1).any():
        raise RecordError("scores.parquet has labels other than 0 and 1, or routes below -1")
    if strange := sorted(set(scores["category"].unique()) - known):
        raise RecordError(f"scores.parquet has a category that is in no experience: {strange[0]}")
    images: dict[Any, tuple[tuple[object, ...], ...]] = {
        place: tuple(sorted(zip(cell["image"], cell["label"], cell["defect"], strict=True)))
        for place, cell in scores.groupby(["experience", "category"], sort=False)
    }
    T = len(record.experiences)
    for first, experience in enumerate(record.experiences, 1):
        for category in experience:
            final = images.get((T, category))
            for t in range(1, T + 1):
                if t >= first and (t, category) not in images:
                    raise RecordError(
                        f"scores.parquet has no scores of {category} after experience {t}"
                    )
                if images.get((t, category), final) != final:
                    raise RecordError(
                        f"the test images of {category} after experience {t} differ from those "
                        f"after experience {T}"
                    )


def _check_held_out(record: Record, held_out: pd.DataFrame) -> None:
    """Check that every column has held-out images, scored after its own experience."""
    where = "held_out.parquet"
    if not np.isfinite(held_out["score"]).all() or (held_out["route"] < -1).any():
        raise RecordError(f"{where} has scores that are not finite, or routes below -1")
    if held_out.duplicated(["category", "image"]).any():
        raise RecordError(f"{where} has an image twice")
    introduced = dict(zip(record.categories, record.introduced, strict=True))
    found = dict.fromkeys(zip(held_out["category"], held_out["experience"], strict=True))
    if found.keys() != set(introduced.items()):
        raise RecordError(
            f"{where} must have images of every category, after the experience that introduces it"
        )


def _check_events(events: pd.DataFrame, known: set[str]) -> None:
    assignments = events[events["kind"] == "assignment"]
    if assignments.empty:
        return
    if missing := [column for column in ASSIGNMENT if column not in events]:
        raise RecordError(f"events.parquet has assignments without {', '.join(missing)}")
    for column in ("expert", "chosen", "reason"):
        if assignments[column].isna().any():
            raise RecordError(f"events.parquet has assignments without {column}")
    if strange := sorted(set(assignments["category"]) - known):
        raise RecordError(
            f"events.parquet assigns a category that is in no experience: {strange[0]}"
        )
    chosen = assignments[assignments["chosen"].astype(bool)]["category"].value_counts()
    if (chosen != 1).any() or set(chosen.index) != set(assignments["category"]):
        raise RecordError("events.parquet must assign each category to exactly one expert")
