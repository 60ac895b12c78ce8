"""Checks TOML files and JSON records against dataclasses and TypedDicts, with one error format.

The annotations are the schema: field names are the keys, defaults make keys optional. msgspec does
the conversion; this module adds what it lacks: unknown keys are refused with a suggestion, and an
error names file, key path and value, as in `protocol.toml: study.seeds[1]: expected a whole number,
got "x"`. List positions count from 0.

msgspec is imported when the first file is read, because it costs 20 ms.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from .did_you_mean import suggestion
from .errors import CadbenchError, UsageError

T = TypeVar("T")

_NAMES: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
}
_SHOWN = 60
"""Characters of a refused value that a message repeats."""
MAX_DEPTH = 64
"""Deepest nesting of lists and tables in a file that is read; records need 7."""


_TOO_DEEP = f"nested more than {MAX_DEPTH} deep"


def parse_toml(text: str, where: str, error: type[CadbenchError] = UsageError) -> dict[str, Any]:
    """Return the content of a TOML file; raise `error` if it is not TOML.

    Args:
        text: the content of the file.
        where: the file, for the message.
        error: class of the exception.
    """
    try:
        content = tomllib.loads(text)
    except RecursionError as problem:
        raise error(f"{where} is not TOML: {_TOO_DEEP}") from problem
    except ValueError as problem:
        raise error(f"{where} is not TOML: {' '.join(str(problem).split())}") from problem
    if is_too_deep(content):
        raise error(f"{where} is not usable: {_TOO_DEEP}")
    return content


def read_toml(file: Path, unreadable: type[CadbenchError] = UsageError) -> dict[str, Any]:
    """Return the content of a TOML file of the user.

    Raises:
        unreadable: the file cannot be read.
        UsageError: it is not TOML.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise unreadable(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not TOML: it is not UTF-8 text") from error
    return parse_toml(text, str(file))


def parse_json(
    text: str | bytes, where: str, error: type[CadbenchError] = UsageError, **options: Any
) -> Any:
    """Return the content of a JSON file; raise `error` if it is not JSON or nested too deeply.

    Args:
        text: the content of the file; bytes are UTF-8.
        where: the file, for the message.
        error: class of the exception.
        **options: hooks of `json.loads`.
    """
    try:
        content = json.loads(text.decode("utf-8") if isinstance(text, bytes) else text, **options)
    except RecursionError as problem:
        raise error(f"{where} is not JSON: {_TOO_DEEP}") from problem
    except ValueError as problem:
        raise error(f"{where} is not JSON: {' '.join(str(problem).split())}") from problem
    if is_too_deep(content):
        raise error(f"{where} is not usable: {_TOO_DEEP}")
    return content


def is_too_deep(value: object, limit: int = MAX_DEPTH) -> bool:
    """Return whether lists and tables are nested more than `limit` deep.

    Such values exhaust the stack of every function that walks them, such as `json.dumps`.
    """
    level: list[object] = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def convert(
    values: object,
    kind: type[T],
    where: str,
    error: type[CadbenchError] = UsageError,
    /,
    **given: object,
) -> T:
    """Convert parsed TOML or JSON into a dataclass or TypedDict.

    Types are strict: no text is read as a number, no boolean as an integer. An integer is accepted
    as a float. Unknown keys are refused in dataclasses and ignored in TypedDicts.

    Args:
        values: the parsed content.
        kind: a dataclass or TypedDict; its annotations are the schema.
        where: the file or entry, for messages.
        error: class of the exception.
        **given: fields that the program sets and the file must not.

    Raises:
        error: an unknown or missing key, or a value of another type; also if a dataclass refuses
            its values with a `CadbenchError`.
    """
    import msgspec

    if isinstance(values, dict):
        _check_table(values, kind, where, error, given)
        values = {**values, **given}
    nodes = list(_nodes(values, kind, ""))
    for path, value, inner in nodes[:-1]:
        if isinstance(value, dict) and _is_table(inner):
            _check_table(value, inner, f"{where}: {path}", error)
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, UnicodeError, CadbenchError):
        for path, value, inner in nodes:
            _convert_alone(value, inner, f"{where}: {path}" if path else where, error)
        raise


def check_keys(
    given: Iterable[str], valid: Iterable[str], where: str, error: type[CadbenchError] = UsageError
) -> None:
    """Raise `error` for the first key that is not valid, with the closest valid one."""
    valid = list(valid)
    for key in given:
        if key not in valid:
            raise error(
                f"{where}: unknown key {shorten(key)}{suggestion(key, valid)}; valid keys: "
                f"{', '.join(valid)}"
            )


def mismatch(where: str, expected: str | Iterable[str], value: object) -> str:
    """Return the message for a value that does not fit.

    Args:
        where: file and key path.
        expected: a phrase, or the valid values, of which the closest is suggested. The empty text
            stands for a missing key and is not listed.
        value: the value that was found.
    """
    if isinstance(expected, str):
        return f"{where}: expected {expected}, got {shorten(value)}"
    valid = tuple(str(each) for each in expected if each != "")
    close = suggestion(value, valid) if isinstance(value, str) else ""
    return f"{where}: expected one of {', '.join(valid)}, got {shorten(value)}{close}"


def shorten(value: object) -> str:
    """Return the value as a message shows it, cut to 60 characters."""
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _convert_alone(value: object, kind: Any, where: str, error: type[CadbenchError]) -> None:
    """Raise `error` with the path of this value if it does not fit by itself."""
    import msgspec

    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError):  # UnicodeError: half of a surrogate pair
        expected = get_args(kind) if get_origin(kind) is Literal else _describe(kind)
        raise error(mismatch(where, expected, value)) from None
    except CadbenchError as problem:
        raise error(f"{where}: {problem}") from None


def _check_table(
    values: Mapping[str, Any],
    kind: Any,
    where: str,
    error: type[CadbenchError],
    given: Iterable[str] = (),
) -> None:
    hints, required = _fields(kind)
    if dataclasses.is_dataclass(kind):
        check_keys(values, [name for name in hints if name not in given], where, error)
    for name in hints:
        if name in required and name not in values and name not in given:
            raise error(f"{where}: {name} is missing")


def _nodes(value: object, kind: Any, path: str) -> Iterator[tuple[str, object, Any]]:
    """Yield (key path, value, type) for everything inside a value, then for the value itself."""
    kind = _without_none(kind) if value is not None else kind
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(value, dict) and _is_table(kind):
        hints, _ = _fields(kind)
        for name, inner in value.items():
            if name in hints:
                yield from _nodes(inner, hints[name], _join(path, name))
    elif isinstance(value, dict) and origin in (dict, Mapping):
        for name, inner in value.items():
            yield from _nodes(inner, args[1], _join(path, name))
    elif isinstance(value, list) and origin in (list, tuple):
        for index, inner in enumerate(value):
            yield from _nodes(inner, args[0], f"{path}[{index}]")
    yield path, value, kind


@functools.cache
def _fields(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return field -> type, and the fields that must be there."""
    hints = get_type_hints(kind)
    if is_typeddict(kind):
        return hints, kind.__required_keys__
    missing = dataclasses.MISSING
    required = frozenset(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is missing and field.default_factory is missing
    )
    return hints, required


def _is_table(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) or is_typeddict(kind)


def _without_none(kind: Any) -> Any:
    """Return X for `X | None`, and any other type as it is."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [each for each in get_args(kind) if each is not type(None)]
        return inner[0] if len(inner) == 1 else kind
    return kind


def _describe(kind: Any) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [each for each in get_args(kind) if each is not type(None)]
        return " or ".join(_describe(each) for each in kinds)
    plain = get_origin(kind) or kind
    return _NAMES.get(plain, "a table")


def _join(path: str, key: str) -> str:
    name = key if re.fullmatch(r"[\w@:+-]{1,60}", key) else shorten(key)
    return f"{path}.{name}" if path else name
