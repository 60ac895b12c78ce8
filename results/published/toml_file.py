"""Data that is shipped as TOML: parsed, its keys and types checked, unknown keys refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from ..errors import CadbenchError

Schema = Mapping[str, tuple[type, bool]]
"""Key -> (type, whether it must be there)."""


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The content of a file; `name` is for the message."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CadbenchError(f"{name} is not TOML: {error}") from error


def check_keys(given: Mapping[str, Any], schema: Schema, where: str) -> None:
    """Refuse unknown keys, missing ones and those of another type; `where` is for messages."""
    unknown = sorted(given.keys() - schema.keys())
    if unknown:
        raise CadbenchError(
            f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(schema)}"
        )
    for key, (kind, required) in schema.items():
        if required and key not in given:
            raise CadbenchError(f"{where}: {key} is missing")
        value = given.get(key)
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if key in given and not fits:
            raise CadbenchError(f"{where}: {key} must be {kind.__name__}, not {value!r}")
