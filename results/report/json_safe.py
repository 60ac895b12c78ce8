"""Encode values as JSON that is safe inside HTML: no record can close the script element."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..rendering.table import Marked, Spread, Table, Value
from ..sanitizing import printable

_UNSAFE = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def embedded(value: Any) -> str:
    """Encode plain values as JSON for a `<script>` element.

    NaN and infinities become null; characters that would change how a text is displayed, such as
    direction marks, are escaped.
    """
    text = json.dumps(_safe(value), separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE)


def table_values(table: Table) -> dict[str, Any]:
    """A table as data for the scripts of the page."""
    columns = [
        {"name": c.name, "digits": c.digits, "numeric": c.numeric, "better": c.better}
        for c in table.columns
    ]
    rows = [[_cell(value) for value in row] for row in table.rows]
    return {"title": table.title, "columns": columns, "rows": rows, "notes": list(table.notes)}


def _cell(value: Value) -> str | int | float | None:
    if isinstance(value, Spread):
        return value.mean
    return value.value if isinstance(value, Marked) else value


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, keep="\n")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(name)): _safe(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_safe(inner) for inner in value]
    return value
