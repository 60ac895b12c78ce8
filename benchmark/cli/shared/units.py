"""Sizes and ages as users read and write them: `1.5 GB`, `30d`."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_AGES = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def format_size(size: int) -> str:
    """Bytes with three digits: `0 B`, `12.3 MB`, `4.56 GB`."""
    for unit, factor in reversed(_SIZES.items()):
        if size >= factor:
            number = size / factor
            digits = 0 if unit == "B" else max(0, 2 - math.floor(math.log10(number)))
            return f"{number:.{digits}f} {unit}"
    return "0 B"


def format_age(seconds: float) -> str:
    """The age in minutes, hours or days, as options accept it: `5m`, `3h`, `12d`."""
    if seconds < _AGES["m"]:
        return "<1m"
    unit = "d" if seconds >= _AGES["d"] else "h" if seconds >= _AGES["h"] else "m"
    return f"{int(seconds // _AGES[unit])}{unit}"


class Size(click.ParamType):
    """A number of bytes such as `500MB`, `5GB` or `4GiB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(value), re.IGNORECASE)
        factor = {**_SIZES, **_BINARY}.get(found[2].upper()) if found else None
        if found is None or factor is None:
            self.fail(f"{value!r} is not a size; write 500MB or 5GB", param, ctx)
        return int(float(found[1]) * factor)


class Age(click.ParamType):
    """A number of seconds such as `90m`, `12h`, `30d` or `2w`."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw])\s*", str(value), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is not an age; write 12h, 30d or 2w", param, ctx)
        return float(found[1]) * _AGES[found[2].lower()]
