"""Whether a run.json of a stranger holds what the rest of the program reads, type by type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import RecordError
from ..records.record import RUN_FILE
from ..records.schema import Run, columns_of, domains_of
from ..sanitizing import is_printable
from .limits import MAX_TEXT, shown

_MAX_SEED = 2**63


class _Plain:
    """Any JSON value; `_plain` looks at its texts and numbers."""


class _Number:
    """A finite number."""


_COUNT = int
_SHAPE: Mapping[str, Any] = {
    "protocol": str,
    "experiences": [[str]],
    "features": {"grid": [_COUNT], "dim": _COUNT},
    "versions": {str: str},
    "git_commit": (str, None),
    "device": str,
    "seconds": {"total": _Number, "label": str},
    "maps": ("final", "all", "none"),
    "pixels": {str: {"share": _Number}},
    "skipped": [{"path": str, "reason": str}],
    "notes": [str],
    "metrics": [str],
    "checksums": {str: str},
    "timing": {"update_seconds": [_Number], "ms_per_image": _Number},
    "cell": {
        "protocol": str,
        "dataset": str,
        "manifest": str,
        "order": {"name": str, "categories": [str]},
        "schedule": str,
        "preprocessing": {str: _Plain},
        "maps": {str: _Plain},
        "routing": ("oracle", "inferred"),
        "unseen": ("next", "all", "none"),
        "features": {"backbone": str, "embedding": str},
        "method": {"name": str, "version": str, "params": {str: _Plain}},
        "seed": _COUNT,
    },
}
"""type -> a value of it; tuple -> one of these; [x] -> a list of x; {str: x} -> any names with x;
other mappings -> at least these names. Names of `Run` that are not here are only looked at for
texts and numbers."""


def check_run(run: Mapping[str, Any]) -> None:
    """`RecordError` names the first part of a run.json that is not as `schema.Run` says.

    Further entries are those of a newer release: only their texts and numbers are checked.
    """
    _plain(run, "")
    for name, shape in _SHAPE.items():
        if name in run or name in Run.__required_keys__:
            _check(run[name], shape, name)
    _check_stream(run)


def check_text(text: str, where: str) -> None:
    """`RecordError` for control characters, direction marks, half characters, or endless text."""
    if len(text) > MAX_TEXT:
        raise RecordError(f"{where} holds a text of {len(text)} characters, {MAX_TEXT} are taken")
    if not is_printable(text):
        raise RecordError(f"{where} holds characters that are not for reading: {shown(text)}")


def _check_stream(run: Mapping[str, Any]) -> None:
    cell = run["cell"]
    try:
        domains_of(cell)
    except (TypeError, KeyError, ValueError):
        raise RecordError(f"{RUN_FILE}: cell.drift is not what cadbench writes there") from None
    categories = [category for experience in run["experiences"] for category in experience]
    if not categories or not all(run["experiences"]) or len(set(categories)) != len(categories):
        raise RecordError(f"{RUN_FILE}: experiences must introduce each category once")
    if categories != list(columns_of(cell)):
        raise RecordError(f"{RUN_FILE}: experiences and the order of its cell differ")
    if run["protocol"] != cell["protocol"]:
        raise RecordError(f"{RUN_FILE}: protocol is not that of its cell")
    if not 0 <= cell["seed"] < _MAX_SEED:
        raise RecordError(f"{RUN_FILE}: a seed is a whole number from 0")
    if not re.fullmatch("[0-9a-f]{64}", cell["manifest"]):
        raise RecordError(f"{RUN_FILE}: cell.manifest is not a SHA-256")


def _plain(value: Any, where: str) -> None:
    """Texts that can be read and finite numbers, all the way down."""
    if isinstance(value, str):
        check_text(value, f"{RUN_FILE}: {where}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise RecordError(f"{RUN_FILE}: {where} is not a finite number")
    elif isinstance(value, list):
        for inner in value:
            _plain(inner, where)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name, f"{RUN_FILE}: {where or 'an entry'}")
            _plain(inner, f"{where}.{name}".lstrip("."))


def _check(value: Any, shape: Any, where: str) -> None:
    if shape is _Plain:
        return
    if isinstance(shape, tuple):
        fits = any(value == one if one is None or not isinstance(one, type) else _is(value, one)
                   for one in shape)  # fmt: skip
    elif isinstance(shape, list):
        fits = isinstance(value, list)
        for inner in value if fits else ():
            _check(inner, shape[0], where)
    elif isinstance(shape, dict) and str in shape:
        fits = isinstance(value, dict)
        for name, inner in value.items() if fits else ():
            _check(inner, shape[str], f"{where}.{name}")
    elif isinstance(shape, dict):
        fits = isinstance(value, dict) and shape.keys() <= value.keys()
        for name, inner in shape.items() if fits else ():
            _check(value[name], inner, f"{where}.{name}")
    else:
        fits = _is(value, shape)
    if not fits:
        raise RecordError(f"{RUN_FILE}: {shown(where)} is not what cadbench writes there")


def _is(value: Any, kind: type) -> bool:
    if kind is _Number:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return type(value) is kind
