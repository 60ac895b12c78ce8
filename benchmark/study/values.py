"""Normalize the values of a study: one value, several, or a text such as `1-8` become a tuple."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ...results.errors import UsageError
from ..interface.params import ParamSpec, spec_named
from ..plugins.methods import load_method, name_of_class
from ..streams.contamination import check_contaminate
from .parsing import parse_names, parse_numbers, parse_orders, parse_shares

if TYPE_CHECKING:
    from ..interface.method import Method

MethodRef: TypeAlias = "str | type[Method[Any]]"
"""A method by name, or its class."""

Methods: TypeAlias = "MethodRef | Iterable[MethodRef] | Mapping[MethodRef, Mapping[str, Any]]"
"""One method, several, or a mapping from methods to the parameters to set or sweep."""


class StudyError(UsageError):
    """A value of a study is wrong.

    Attributes:
        field: the field of `Study`.
        text: what is wrong and what to do.
    """

    def __init__(self, field: str, text: str) -> None:
        self.field, self.text = field, text
        super().__init__(f"{field}: {text}")


def check_text(field: str, value: object) -> None:
    """Raise `StudyError` unless the value is a text or None."""
    if value is not None and not isinstance(value, str):
        raise StudyError(field, f"expected a text, got {value!r}")


def names(field: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return distinct names, given as a comma-separated text or as a list; None stays None."""
    return None if value is None else _texts(field, value, parse_names)


def orders(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return one text per order, such as `random:3`; None stays None."""
    return None if value is None else _texts("orders", value, parse_orders)


def layers(value: str | int | Iterable[str | int] | None) -> tuple[int | str, ...] | None:
    """Return layers of a backbone, given as a text such as `block:5,block:11` or as a list."""
    from ..features.networks.layers import parse_layers

    if value is None:
        return None
    given: object = value.split(",") if isinstance(value, str) else value
    try:
        return parse_layers([given] if isinstance(given, int) else _to_list("layers", given))
    except ValueError as error:
        raise StudyError("layers", str(error)) from None


def seeds(value: int | str | Iterable[int] | None) -> tuple[int, ...] | None:
    """Return distinct seeds, given as a number, a text such as `0-2`, or a list."""
    if value is None:
        return None
    if isinstance(value, str):
        return _parse("seeds", value, parse_numbers)
    numbers = [value] if isinstance(value, int) else _to_list("seeds", value)
    found = tuple(dict.fromkeys(numbers))
    for number in found:
        if type(number) is not int or not 0 <= number < 2**63:
            raise StudyError("seeds", f"expected whole numbers from 0, got {number!r}")
    if not found:
        raise StudyError("seeds", "the list is empty; give at least one, such as 0")
    return found


def shares(field: str, value: float | str | Iterable[float] | None) -> tuple[float, ...] | None:
    """Return distinct shares, given as a number, a text such as `0,0.05`, or a list."""
    if value is None:
        return None
    if isinstance(value, str):
        given: list[Any] = list(_parse(field, value, parse_shares))
    else:
        given = [value] if isinstance(value, int | float) else _to_list(field, value)
    try:
        found = tuple(dict.fromkeys(check_contaminate(share, field) for share in given))
    except UsageError as error:
        raise StudyError(field, str(error).replace(f"{field} is", "it is", 1)) from None
    if not found:
        raise StudyError(field, "the list is empty; give at least one, such as 0.05")
    return found


def methods(value: Methods | None) -> dict[str, dict[str, tuple[Any, ...]]] | None:
    """Return method -> parameter -> values to try; None stays None.

    Raises:
        StudyError: a method or parameter does not exist, or a value does not fit.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        given = dict(value.items())
    else:
        one = isinstance(value, str | type)
        listed: Iterable[Any] = [value] if one else _to_list("methods", value)
        given = {method: {} for method in listed}
    if not given:
        raise StudyError("methods", "there is no method; name one, such as mecad")
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for method, params in given.items():
        name = _method_name(method)
        if name in found:
            raise StudyError("methods", f"{name} is listed twice; list each method once")
        if not isinstance(params, Mapping):
            raise StudyError(
                "methods", f"{name}: expected parameters such as experts=[1, 2], got {params!r}"
            )
        found[name] = {
            parameter: param_values(name, parameter, tried) for parameter, tried in params.items()
        }
    return found


def tuned(value: Any) -> dict[str, dict[str, tuple[Any, ...]]] | None:
    """Return method -> parameter -> values to choose from; None stays None.

    Raises:
        StudyError: a method or parameter does not exist, or a value does not fit.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise StudyError("tune", f"expected method -> parameter -> values, got {value!r}")
    try:
        found = methods(value) or {}
    except StudyError as error:
        raise StudyError("tune", error.text) from error.__cause__
    for method, params in found.items():
        for name, tried in params.items():
            if len(tried) < 2:
                raise StudyError("tune", f"{method}.{name}: give two values or more to choose from")
    return found


def param_values(method: str, parameter: str, value: Any) -> tuple[Any, ...]:
    """Return the values to try of one parameter.

    Args:
        method: name of the method.
        parameter: name of the parameter.
        value: a value, several, or a text as on the command line, such as `1-8` or `auto`.

    Raises:
        StudyError: the parameter does not exist, or a value does not fit.
    """
    spec = spec_named(load_method(method).Params, parameter, method)
    try:
        if isinstance(value, str):
            tried = spec.parse_sweep(value)
        elif isinstance(value, Iterable):
            tried = [_param_value(spec, each) for each in value]
        else:
            tried = [spec.check(value)]
    except ValueError as error:
        raise StudyError("methods", f"{method}.{parameter}: {error}") from None
    if not tried:
        raise StudyError("methods", f"{method}.{parameter}: the list of values is empty")
    return tuple(dict.fromkeys(tried))


def _param_value(spec: ParamSpec, value: Any) -> Any:
    return spec.parse(value) if isinstance(value, str) else spec.check(value)


def _method_name(method: Any) -> str:
    if isinstance(method, str):
        load_method(method)
        return method
    if isinstance(method, type):
        return name_of_class(method)
    raise StudyError("methods", f"expected a method's name or class, got {method!r}")


def _texts(
    field: str, value: str | Iterable[str], parse: Callable[[str], tuple[str, ...]]
) -> tuple[str, ...]:
    if isinstance(value, str):
        return _parse(field, value, parse)
    found = tuple(dict.fromkeys(_to_list(field, value)))
    for text in found:
        if not (isinstance(text, str) and text.strip()):
            raise StudyError(field, f"expected texts, got {text!r}")
    if not found and field != "drift":
        raise StudyError(field, "the list is empty; give at least one, or None for the default")
    return found


def _parse(field: str, text: str, parse: Callable[[str], tuple[Any, ...]]) -> tuple[Any, ...]:
    try:
        return parse(text)
    except ValueError as error:
        raise StudyError(field, str(error)) from None


def _to_list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, Iterable):
        raise StudyError(field, f"expected a list, got {value!r}")
    return list(value)
