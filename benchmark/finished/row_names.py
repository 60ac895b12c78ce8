"""Find table rows by what users write: `mecad`, `mecad:experts=5,replay=full`, or part of a key."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...results.analysis.rows import Row, parameter_labels, short_key
from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..plugins.default_params import default_params

_MAX_LISTED = 12
"""Number of rows that an error message lists."""


def find_rows(refs: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Return the row that each reference names.

    Args:
        refs: each a method, a method with settings, or the beginning of a record's or
            configuration's key.
        rows: the rows to choose from.

    Raises:
        UsageError: a reference matches no row or several, or two references match the same row.
    """
    found: list[Row] = []
    for ref in refs:
        row = _find_row(ref, rows)
        if row in found:
            raise UsageError(
                f"{refs[found.index(row)]!r} and {ref!r} are the same row ({short_key(row)})"
            )
        found.append(row)
    return found


def _find_row(ref: str, rows: Sequence[Row]) -> Row:
    method, settings = _split_settings(ref, {row.first.method for row in rows})
    found = [row for row in rows if row.first.method == method]
    if found and settings is not None:
        found = _with_settings(ref, settings, found)
    if not found and re.fullmatch(r"[0-9a-f]{4,64}", ref):
        found = [row for row in rows if any(key.startswith(ref) for key in _keys(row))]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{ref!r} matches {len(found)} rows: {_how_to_choose(found)}")
    methods = sorted({row.first.method for row in rows})
    raise UsageError(
        f"{ref!r} matches no row{suggestion(method, methods)}; available: {_choices(rows)}"
    )


def _split_settings(ref: str, methods: Collection[str]) -> tuple[str, str | None]:
    """Split a reference into method and settings; a method's name may contain a colon."""
    matching = [name for name in methods if f"{ref}:".startswith(f"{name}:")]
    method = max(matching, key=len, default=ref.partition(":")[0])
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
    defaults = default_params(row.first for row in rows)
    params = [{**defaults.get(row.first.method, {}), **row.first.params} for row in rows]
    for name in wanted:
        valid = list(dict.fromkeys(parameter for each in params for parameter in each))
        if name not in valid:
            raise UsageError(
                f"{ref!r}: {rows[0].first.method} has no parameter {name!r}"
                f"{suggestion(name, valid)}; available: {', '.join(valid)}"
            )
    found = [row for row, each in zip(rows, params, strict=True) if _matches(each, wanted)]
    if not found:
        raise UsageError(f"no row has the settings {text!r}; available: {_choices(rows)}")
    return found


def _matches(params: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(name in params and _equal(params[name], text) for name, text in wanted.items())


def _equal(value: Any, text: str) -> bool:
    """Whether `text` denotes the value: numbers are compared as numbers, words without case."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value).lower() == text.lower()


def _how_to_choose(rows: Sequence[Row]) -> str:
    """How several matching rows differ, and how the user can choose one."""
    protocols = sorted({row.first.protocol for row in rows})
    if len(protocols) > 1:
        return f"their protocols are {', '.join(protocols)}; choose one with --protocol"
    routings = sorted({row.first.routing for row in rows})
    if len(routings) > 1:
        return f"with {' and '.join(routings)} routing; choose one with --routing"
    return f"{_choices(rows)}; add a setting, or use the key in parentheses"


def _choices(rows: Sequence[Row]) -> str:
    """A list such as `mecad:experts=2 (0a1b2c3d), ...`."""
    settings = parameter_labels(rows)
    labels = [
        f"{row.first.method}{f':{text}'.replace(', ', ',') if text else ''} ({short_key(row)})"
        for row, text in zip(rows, settings, strict=True)
    ]
    more = len(labels) - _MAX_LISTED
    return ", ".join(labels[:_MAX_LISTED] + [f"and {more} more"] * (more > 0))
