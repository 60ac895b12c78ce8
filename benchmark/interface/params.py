"""Parameters of a method: declared once, read by the command line, sweeps, records and help."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..system.number_ranges import inclusive_range, parse_whole_number

AUTO = "auto"
_BEYOND = 2**63
"""What arrays and the tables of a record cannot hold."""


def param(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: Collection[str] = (),
    later: bool = False,
) -> Any:
    """A field of a `Params` class: its default, one line of help, and its range.

    `low` and `high` are the smallest and largest allowed values, `above` an exclusive lower bound.
    The annotation gives the type: `int`, `float`, `bool`, `str`, `Literal[...]`, or one of them
    with `| None`, where None is written `auto` and resolved by the method's `resolve`.
    `choices`: the allowed texts of a `str`, if another module defines them, such as the keys of a
    registry; a `Literal` otherwise.

    later: the method had records before it had this parameter, and its default means what they
    did: at its default it is left out of keys and records, so that those stay valid.
    """
    metadata = {
        "help": help,
        "low": low,
        "high": high,
        "above": above,
        "choices": choices,
        "later": later,
    }
    return field(default=default, metadata=metadata)


def with_default(params: type[Params], name: str, default: Any) -> Any:
    """The field of a subclass of `params` that gives an inherited parameter another default."""
    (inherited,) = (entry for entry in dataclasses.fields(params) if entry.name == name)
    return field(default=default, metadata={**inherited.metadata, "later": False})


@dataclass(frozen=True)
class ParamSpec:
    """What is declared about one parameter."""

    name: str
    kind: type
    optional: bool
    choices: Collection[str]
    default: Any
    help: str
    low: float | None
    high: float | None
    above: float | None
    later: bool

    @property
    def accepts(self) -> str:
        """The allowed values in words, for help and error messages."""
        if self.choices:
            words = f"one of {', '.join(self.choices)}"
        elif self.kind is bool:
            words = "true or false"
        else:
            noun = {int: "a whole number", float: "a number", str: "text"}[self.kind]
            bounds = [
                f"above {self.above:g}" if self.above is not None else "",
                f"at least {self.low:g}" if self.low is not None else "",
                f"at most {self.high:g}" if self.high is not None else "",
            ]
            words = " ".join([noun, " and ".join(bound for bound in bounds if bound)]).strip()
        return f"{words}, or {AUTO}" if self.optional else words

    def check(self, value: Any) -> Any:
        """`value` in its declared type; raises `ValueError` where it is outside type or range."""
        if value is None and self.optional:
            return None
        if self.choices:
            ok = isinstance(value, str) and value in self.choices
        elif self.kind is float:
            ok = isinstance(value, int | float) and not isinstance(value, bool)
            ok = ok and math.isfinite(value)
            value = float(value) if ok else value
        else:
            ok = type(value) is self.kind
        if ok and self.kind is int and abs(value) >= _BEYOND:
            raise ValueError(f"{value!r} is larger than any number that can be computed with")
        if ok and self.kind in (int, float):
            ok = (
                (self.low is None or value >= self.low)
                and (self.high is None or value <= self.high)
                and (self.above is None or value > self.above)
            )
        if not ok:
            raise ValueError(f"{value!r} is not {self.accepts}")
        return value

    def parse(self, text: str) -> Any:
        """The value that `text` writes; raises `ValueError`."""
        text = text.strip()
        if self.optional and text == AUTO:
            return None
        value: Any = text
        try:
            if self.kind is bool:
                value = {"true": True, "false": False}.get(text.lower(), text)
            elif self.kind in (int, float):
                value = self.kind(text)
        except ValueError:
            pass
        return self.check(value)

    def parse_sweep(self, text: str) -> list[Any]:
        """The values that `1-8`, `1,3,5`, `0.8,0.9` or a mixture of them write, in that order."""
        values: list[Any] = []
        for piece in text.split(","):
            left, dash, right = piece.strip().partition("-")
            low, high = parse_whole_number(left), parse_whole_number(right)
            if self.kind is int and dash and low is not None and high is not None:
                values.extend(self.check(number) for number in inclusive_range(low, high))
            else:
                values.append(self.parse(piece))
        return list(dict.fromkeys(values))

    def show(self, value: Any) -> str:
        """`value` as it is written on the command line."""
        if value is None:
            return AUTO
        if isinstance(value, bool):
            return str(value).lower()
        return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Params:
    """Base of a method's parameters: a frozen dataclass whose fields come from `param`."""

    def __post_init__(self) -> None:
        for spec in specs(type(self)):
            try:
                value = spec.check(getattr(self, spec.name))
            except ValueError as error:
                raise UsageError(f"parameter {spec.name}: {error}") from None
            object.__setattr__(self, spec.name, value)

    def replace(self, **changes: Any) -> Self:
        """The same parameters with some changed (and checked)."""
        return dataclasses.replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Every parameter by name, for keys and records: `later` ones only off their defaults."""
        left_out = {
            spec.name
            for spec in specs(type(self))
            if spec.later and getattr(self, spec.name) == spec.default
        }
        return {name: value for name, value in self.whole().items() if name not in left_out}

    def whole(self) -> dict[str, Any]:
        """Every parameter by name, without exception."""
        return dataclasses.asdict(self)


def specs(params: type[Params]) -> tuple[ParamSpec, ...]:
    """The parameters that a `Params` class declares, in order; those added later come last."""
    whole: Any = params  # a class is hashable, whatever its objects are
    return _specs(whole)


@functools.cache
def _specs(params: Any) -> tuple[ParamSpec, ...]:
    hints = typing.get_type_hints(params)
    declared = [_spec(entry, hints[entry.name]) for entry in dataclasses.fields(params)]
    return tuple(sorted(declared, key=lambda spec: spec.later))


def spec_named(params: type[Params], name: str, method: str) -> ParamSpec:
    """One declared parameter; `UsageError` with a suggestion where there is none of that name."""
    by_name = {spec.name: spec for spec in specs(params)}
    if name not in by_name:
        known = ", ".join(by_name) or "none"
        raise UsageError(
            f"{method} has no parameter {name!r}{suggestion(name, by_name)}; it has: {known}"
        )
    return by_name[name]


def _spec(declared: dataclasses.Field[Any], hint: Any) -> ParamSpec:
    members = [hint]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
    optional = members != [hint]
    kind = members[0]
    choices: Collection[Any] = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    if choices and all(isinstance(choice, str) for choice in choices):
        kind = str
    if kind is str:
        choices = choices or declared.metadata.get("choices", ())
    if len(members) != 1 or kind not in (int, float, bool, str):
        raise TypeError(
            f"parameter {declared.name}: its type must be int, float, bool, str or Literal of "
            f"texts, optionally with | None, not {hint}"
        )
    return ParamSpec(
        name=declared.name,
        kind=kind,
        optional=optional,
        choices=choices,
        default=declared.default,
        help=declared.metadata.get("help", ""),
        low=declared.metadata.get("low"),
        high=declared.metadata.get("high"),
        above=declared.metadata.get("above"),
        later=declared.metadata.get("later", False),
    )
