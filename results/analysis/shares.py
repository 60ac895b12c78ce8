"""Group rows that differ only in the share of defective training images (`--contaminate`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..records.schema import canonical_json, features_key
from .rows import Row

_NAME = "contaminate"
_IN_ID = re.compile(rf"-{_NAME}[0-9.e+-]+(?=@)")


def share_of(row: Row) -> float:
    """The share of defective training images of a contaminated row."""
    return float(row.first.cell[_NAME])


def groups_of_shares(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group contaminated rows of one stream, dataset and features over all shares.

    The test images are the same at all shares, so that these rows may be in one table.

    Returns:
        What the rows of a group share, such as `mvtec-1x15-224-oracle@1, data 1a2b3c4d` -> rows.
    """
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if _NAME in row.first.cell:
            found.setdefault(_stream(row), []).append(row)
    return {_title(group[0]): group for _, group in sorted(found.items())}


def curves_of(rows: Sequence[Row]) -> dict[bytes, dict[float, Row]]:
    """`curve_key` -> share -> row, for each configuration of the rows of a group."""
    found: dict[bytes, dict[float, Row]] = {}
    for row in sorted((r for r in rows if _NAME in r.first.cell), key=share_of):
        found.setdefault(curve_key(row), {})[share_of(row)] = row
    return found


def curve_key(row: Row) -> bytes:
    """What the rows of one curve have in common: the method with its version and parameters."""
    return canonical_json(row.first.cell["method"])


def _stream(row: Row) -> tuple[str, ...]:
    identity = {name: value for name, value in row.identity.items() if name != _NAME}
    protocol, manifest, _ = row.data
    settings = canonical_json(identity).decode()
    return _IN_ID.sub("", protocol), manifest, settings, features_key(row.first.cell)


def _title(row: Row) -> str:
    protocol, manifest, _, features = _stream(row)
    backbone = row.first.cell["features"]["backbone"]
    return f"{protocol}, data {manifest[:8]}, {backbone} {features[:8]}"
