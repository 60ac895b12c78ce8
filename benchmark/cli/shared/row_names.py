"""Rows by name: `mecad`, `mecad:experts=5,replay=full`, or the beginning of a key."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ....results.analysis.rows import Row, parameter_labels, short_key
from ....results.errors import UsageError
from ...system.did_you_mean import suggestion
from .output import default_params

_SHOWN = 12
"""Choices that an error lists."""


def named_rows(refs: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The row that each of `refs` means; `UsageError` where that is none, several or the same."""
    found: list[Row] = []
    for ref in refs:
        row = _named_row(ref, rows)
        if row in found:
            raise UsageError(
                f"{refs[found.index(row)]!r} and {ref!r} are the same row ({short_key(row)})"
            )
        found.append(row)
    return found


def _named_row(ref: str, rows: Sequence[Row]) -> Row:
    method, settings = _parts(ref, {row.first.method for row in rows})
    found = [row for row in rows if row.first.method == method]
    if found and settings is not None:
        found = _with_settings(ref, settings, found)
    if not found and re.fullmatch(r"[0-9a-f]{4,64}", ref):
        found = [row for row in rows if any(key.startswith(ref) for key in _keys(row))]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{ref!r} means {len(found)} rows: {_several(found)}")
    known = sorted({row.first.method for row in rows})
    raise UsageError(
        f"no row is called {ref!r}{suggestion(method, known)}; there are: {_choices(rows)}"
    )


def _parts(ref: str, known: Collection[str]) -> tuple[str, str | None]:
    """A row's method and its settings, if any; a method's name may hold a colon itself."""
    meant = [name for name in known if f"{ref}:".startswith(f"{name}:")]
    method = max(meant, key=len, default=ref.partition(":")[0])
    return method, ref[len(method) + 1 :] if len(ref) > len(method) else None


def _keys(row: Row) -> list[str]:
    return [key for r in row.records for key in (r.run["config_key"], r.key)]


def _with_settings(ref: str, text: str, rows: Sequence[Row]) -> list[Row]:
    wanted: dict[str, str] = {}
    for piece in text.split(","):
        name, equals, value = piece.partition("=")
        if not equals:
            raise UsageError(f"{ref!r}: write METHOD:NAME=VALUE,..., such as mecad:experts=5")
        wanted[name.strip()] = value.strip()
    usual = default_params(row.first for row in rows)
    params = [{**usual.get(row.first.method, {}), **row.first.params} for row in rows]
    for name in wanted:
        known = list(dict.fromkeys(known for each in params for known in each))
        if name not in known:
            raise UsageError(
                f"{ref!r}: {rows[0].first.method} has no parameter {name!r}"
                f"{suggestion(name, known)}; there are: {', '.join(known)}"
            )
    found = [row for row, each in zip(rows, params, strict=True) if _has(each, wanted)]
    if not found:
        raise UsageError(f"no row has the settings of {ref!r}; there are: {_choices(rows)}")
    return found


def _has(params: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(name in params and _equal(params[name], text) for name, text in wanted.items())


def _equal(value: Any, text: str) -> bool:
    """Whether a setting is written so: numbers by their value, `true`, `none` in any case."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value).lower() == text.lower()


def _several(rows: Sequence[Row]) -> str:
    """What tells them apart, and how to choose."""
    protocols = sorted({row.first.protocol for row in rows})
    if len(protocols) > 1:
        return f"of the protocols {', '.join(protocols)}; choose one with --protocol"
    routings = sorted({row.first.routing for row in rows})
    if len(routings) > 1:
        return f"of {' and '.join(routings)} routing; choose one with --routing"
    return f"{_choices(rows)}; add a setting, or give the key in brackets"


def _choices(rows: Sequence[Row]) -> str:
    """`mecad:experts=2 (0a1b2c3d), ...`."""
    settings = parameter_labels(rows)
    shown = [
        f"{row.first.method}{f':{text}'.replace(', ', ',') if text else ''} ({short_key(row)})"
        for row, text in zip(rows, settings, strict=True)
    ]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN] + [f"and {more} more"] * (more > 0))
