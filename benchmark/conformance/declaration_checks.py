"""Checks of declarations: the class and its parameters."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ...results.errors import CadbenchError, UsageError
from ...results.records.schema import canonical_json
from ..interface.method import summary
from ..interface.params import Params, ParamSpec, specs
from ..plugins.requirements import check_declaration
from .playback import Failed, Subject


def declaration(subject: Subject) -> None:
    """a concrete class with a docstring, a version, routings and documented parameters"""
    try:
        check_declaration(subject.kind.__name__, subject.kind)
    except CadbenchError as error:
        raise Failed(str(error)) from error
    if not summary(subject.kind) and sys.flags.optimize < 2:  # `python -OO` has no docstrings
        raise Failed("the class has no docstring; `cadbench methods` shows its first line")
    for spec in specs(subject.kind.Params):
        if not spec.help.strip():
            raise Failed(f"parameter {spec.name} has no line of help")


def parameters(subject: Subject) -> None:
    """wrong values raise a UsageError that names the parameter; resolve is idempotent"""
    kind, given = subject.kind, subject.params
    for spec in specs(kind.Params):
        for value in _wrong_values(spec):
            try:
                kind.Params(**{spec.name: value})
            except UsageError as error:
                if spec.name in str(error):
                    continue
                raise Failed(
                    f"{spec.name}={value!r}: the error does not name the parameter: {error}"
                ) from None
            except Exception as error:
                raise Failed(
                    f"{spec.name}={value!r} raises {type(error).__name__}, not a UsageError"
                ) from error
            raise Failed(
                f"{spec.name}={value!r} is accepted, but it is not {spec.accepts}; a "
                "__post_init__ must call super().__post_init__()"
            )
    _check_exact(kind.resolve(given, subject.stream.facts), given, "resolve")
    try:
        matched = kind.with_memory(given, 10_000, len(subject.stream.categories))
    except UsageError as error:
        raise Failed(f"with_memory refuses 10,000 vectors: {error}") from error
    if matched is not None and not isinstance(matched, kind.Params):
        raise Failed(f"with_memory returned {matched!r}, neither {kind.Params.__name__} nor None")


def _check_exact(resolved: Any, given: Params, what: str) -> None:
    if type(resolved) is not type(given):
        raise Failed(f"{what} returned a {type(resolved).__name__}, not {type(given).__name__}")
    if resolved != given:
        raise Failed(f"{what} changes resolved parameters: {given} becomes {resolved}")
    try:
        canonical_json(resolved.as_dict())
    except CadbenchError as error:
        raise Failed(f"{what}: {error}") from error


def _wrong_values(spec: ParamSpec) -> Iterator[Any]:
    """Values outside the declared type and range."""
    yield [1]
    yield "none of these" if spec.kind is not str or spec.choices else 1
    if not spec.optional:
        yield None
    if spec.kind is float:
        yield float("nan")
    if spec.kind in (int, float):
        if spec.low is not None:
            yield spec.kind(spec.low - 1)
        if spec.high is not None:
            yield spec.kind(spec.high + 1)
        if spec.above is not None:
            yield spec.kind(spec.above)
