"""Check the layout of a kept method state, without torch: a safetensors file with a JSON tree."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..errors import RecordError
from .limits import MEBI, strict_json

_MAX_HEADER = 100 * MEBI
"""The limit of safetensors itself."""


def check_state_file(path: Path) -> None:
    """Raise `RecordError` if the file is not one that a run writes.

    Nothing in such a file is ever executed; reading it checks types and sizes again.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(_MAX_HEADER, size - 8):
            raise RecordError(f"{path.name} has no header")
        header = strict_json(file.read(length), path.name)
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
        raise RecordError(f"{path.name} does not hold a state")
    json.loads(header["__metadata__"]["tree"])  # not strict: a method's state may hold infinities
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    if tensors.keys() != {str(number) for number in range(len(tensors))}:
        raise RecordError(f"{path.name} does not number its tensors")
    end = 0
    for name in sorted(tensors, key=lambda name: tensors[name]["data_offsets"][0]):
        start, stop = tensors[name]["data_offsets"]
        if start != end or not re.fullmatch(r"[A-Z]+[0-9_A-Z]*", tensors[name]["dtype"]):
            raise RecordError(f"{path.name}: its tensors do not fit its size")
        end = stop
    if 8 + length + end != size:
        raise RecordError(f"{path.name}: its tensors do not fit its size")
