"""Checks the texts and numbers of an imported run.json, whatever entries it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import RecordError
from ..records.record import RUN_FILE
from ..sanitizing import is_printable
from ..validation import mismatch, shorten
from .limits import MAX_TEXT

_MAX_INTEGER = 2**63 - 1


def check_values(value: Any, path: str = "") -> None:
    """Raise `RecordError` for the first text or number that no `cadbench run` writes.

    Args:
        value: the content of run.json, or a part of it.
        path: names of the entries that lead to the part.
    """
    where = f"{RUN_FILE}: {path}" if path else RUN_FILE
    if isinstance(value, str):
        check_text(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise RecordError(mismatch(where, "a finite number", value))
    elif isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise RecordError(mismatch(where, "a number of at most 64 bits", value))
    elif isinstance(value, list):
        for inner in value:
            check_values(inner, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            check_text(name, where)
            check_values(inner, f"{path}.{name}".lstrip("."))


def check_text(text: str, where: str) -> None:
    """Raise `RecordError` for long texts, control characters, direction marks and surrogates."""
    if len(text) > MAX_TEXT:
        raise RecordError(f"{where}: a text has {len(text)} characters, the limit is {MAX_TEXT}")
    if not is_printable(text):
        raise RecordError(f"{where}: a text has unprintable characters: {shorten(text)}")
