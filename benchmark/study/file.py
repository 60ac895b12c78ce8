"""Study files: a `Study` as TOML, for git and for the appendix of a paper."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...results.errors import UsageError
from ...results.storage.files import write_bytes
from ...results.validation import check_keys, mismatch, read_toml
from .fields import StudyFields, given_fields

VERSION = 1
"""Version of the file format; a release reads the files of all versions up to its own."""

_PATHS = ("weights",)
"""Fields with a path, which is relative to the folder of the file."""
_NOT_IN_A_FILE = ("data_root",)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = """\
# A cadbench study. Run it with: cadbench run {name}
# Keys that are left out have the default value, or that of `protocol`.
# Say where the images are with --data-root or CADBENCH_DATA.
"""


def read_fields(file: Path) -> dict[str, Any]:
    """Read a study file.

    Args:
        file: the TOML file.

    Returns:
        The fields that the file gives, not yet checked.

    Raises:
        UsageError: the file cannot be read, or has an unknown key; names file and key.
    """
    given = read_toml(file)
    names = [each.name for each in fields(StudyFields) if each.name not in _NOT_IN_A_FILE]
    check_keys(given, ["version", *names], str(file))
    if "version" not in given:
        raise UsageError(f"{file}: version is missing")
    version = given.pop("version")
    if type(version) is not int or version != VERSION:
        raise UsageError(
            f"{mismatch(f'{file}: version', str(VERSION), version)}; the file needs another "
            "release of cadbench"
        )
    for name in _paths_in(given):
        given[name] = str(file.parent / Path(given[name]).expanduser())
    if isinstance(orders := given.get("orders"), list):
        given["orders"] = [_order_below(file.parent, order) for order in orders]
    return given


def write_study(study: StudyFields, file: Path) -> None:
    """Write a study as a TOML file; values that are not given are left out.

    Args:
        study: the study.
        file: the file to write. An existing file is replaced only by the same study.

    Raises:
        UsageError: the file exists and holds something else, or cannot be written.
    """
    text = study_toml(study, file)
    try:
        if file.exists():
            if file.read_text("utf-8") == text:
                return
            raise UsageError(f"{file} exists and is another study: choose another name")
        write_bytes(file, text.encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def study_toml(study: StudyFields, file: Path) -> str:
    """Return the text of the study file.

    Args:
        study: the study.
        file: where it will be written: paths are relative to its folder.
    """
    lines = [f"version = {VERSION}"]
    for name, value in given_fields(study).items():
        if name in ("methods", "tune", *_NOT_IN_A_FILE):
            continue
        is_file = name in ("protocol", "tune_on") and Path(value).is_file()
        if name in _PATHS or is_file:
            value = os.path.relpath(Path(value).expanduser(), file.parent)
        if name == "orders":
            value = [_relative_order(text, file.parent) for text in value]
        lines.append(f"{name} = {_toml(value)}")
    tables: Any = {"methods": study.methods or {}, "tune": study.tune or {}}
    for table, method, params in ((t, m, p) for t in tables for m, p in tables[t].items()):
        lines += ["", f"[{table}.{_key(method)}]"]
        for parameter, values in params.items():
            written = ["auto" if value is None else value for value in values]
            value = written if len(written) > 1 else written[0]
            lines.append(f"{_key(parameter)} = {_toml(value)}")
    return _HEADER.format(name=file.name) + "\n" + "\n".join(lines) + "\n"


def _paths_in(given: Mapping[str, Any]) -> list[str]:
    """The keys whose value is a path; a protocol may be a name."""
    protocols = [n for n in ("protocol", "tune_on") if str(given.get(n, "")).endswith(".toml")]
    return [name for name in (*_PATHS, *protocols) if isinstance(given.get(name), str)]


def _order_below(folder: Path, order: Any) -> Any:
    is_file = isinstance(order, str) and (folder / order).is_file()
    return str(folder / order) if is_file else order


def _relative_order(text: str, folder: Path) -> str:
    return os.path.relpath(text, folder) if Path(text).is_file() else text


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    """Return a value as TOML. A JSON text without escaped surrogates is also a TOML text."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
