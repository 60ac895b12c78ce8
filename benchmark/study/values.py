"""Normalize the values of a study: one value, several, or a text such as `1-8` become a tuple."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..interface.params import ParamSpec, spec_named
from ..plugins.methods import load_method, name_of_class
from ..streams.settings import SETTINGS, SettingError
from .parsing import parse_names, parse_numbers, parse_orders, parse_shares

if TYPE_CHECKING:
    from ..interface.method import Method

MethodRef: TypeAlias = "str | type[Method[Any]]"
"""A method by name, or its class."""

Methods: TypeAlias = "MethodRef | Iterable[MethodRef] | Mapping[MethodRef, Mapping[str, Any]]"
"""One method, several, or a mapping from methods to the parameters to set or sweep."""


def text(field: str, value: object) -> object:
    """Return a text or None."""
    if value is not None and not isinstance(value, str):
        raise SettingError(field, f"expected a text, got {value!r}")
    return value


def path(field: str, value: object) -> object:
    """Return a path, which may be a text, or None."""
    return value if isinstance(value, Path) else text(field, value)


def flag(field: str, value: object) -> object:
    """Return true or false."""
    if not isinstance(value, bool):
        raise SettingError(field, f"expected true or false, got {value!r}")
    return value


def names(field: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return distinct names, given as a comma-separated text or as a list; None stays None."""
    return None if value is None else _texts(field, value, parse_names)


def orders(field: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return one text per order, such as `random:3`; None stays None."""
    return None if value is None else _texts(field, value, parse_orders)


def layers(
    field: str, value: str | int | Iterable[str | int] | None
) -> tuple[int | str, ...] | None:
    """Return layers of a backbone, given as a text such as `block:5,block:11` or as a list."""
    from ..features.networks.layers import parse_layers

    if value is None:
        return None
    given: object = value.split(",") if isinstance(value, str) else value
    try:
        return parse_layers([given] if isinstance(given, int) else _to_list(field, given))
    except ValueError as error:
        raise SettingError(field, str(error)) from None


def seeds(field: str, value: int | str | Iterable[int] | None) -> tuple[int, ...] | None:
    """Return distinct seeds, given as a number, a text such as `0-2`, or a list."""
    if value is None:
        return None
    if isinstance(value, str):
        return _parse(field, value, parse_numbers)
    found = [value] if isinstance(value, int) else _to_list(field, value)
    for number in found:
        if type(number) is not int or not 0 <= number < 2**63:
            raise SettingError(field, f"expected whole numbers from 0, got {number!r}")
    if not found:
        raise SettingError(field, "the list is empty; give at least one, such as 0")
    return tuple(dict.fromkeys(found))


def shares(field: str, value: float | str | Iterable[float] | None) -> tuple[float, ...] | None:
    """Return distinct shares, given as a number, a text such as `0,0.05`, or a list."""
    if value is None:
        return None
    if isinstance(value, str):
        given: list[Any] = list(_parse(field, value, parse_shares))
    else:
        given = [value] if isinstance(value, int | float) else _to_list(field, value)
    if not given:
        raise SettingError(field, "the list is empty; give at least one, such as 0.05")
    return tuple(dict.fromkeys(SETTINGS[field].check(field, share) for share in given))


def methods(field: str, value: Methods | None) -> dict[str, dict[str, tuple[Any, ...]]] | None:
    """Return method -> parameter -> values to try; None stays None.

    Raises:
        SettingError: a method or parameter does not exist, or a value does not fit.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        given = list(value.items())
    else:
        one = isinstance(value, str | type)
        given = [(method, {}) for method in ([value] if one else _to_list(field, value))]
    if not given:
        raise SettingError(field, "there is no method; name one, such as mecad")
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for method, params in given:
        name = _method_name(field, method)
        if name in found:
            raise SettingError(field, f"{name} is listed twice; list each method once")
        if not isinstance(params, Mapping):
            raise SettingError(
                field, f"{name}: expected parameters such as experts=[1, 2], got {params!r}"
            )
        found[name] = {
            parameter: param_values(field, name, parameter, tried)
            for parameter, tried in params.items()
        }
    return found


def tuned(field: str, value: Any) -> dict[str, dict[str, tuple[Any, ...]]] | None:
    """Return method -> parameter -> values to choose from; None stays None.

    Raises:
        SettingError: a method or parameter does not exist, or a value does not fit.
    """
    if value is not None and not isinstance(value, Mapping):
        raise SettingError(field, f"expected method -> parameter -> values, got {value!r}")
    found = methods(field, value)
    for method, params in (found or {}).items():
        for name, tried in params.items():
            if len(tried) < 2:
                raise SettingError(
                    field, f"{method}.{name}: give two values or more to choose from"
                )
    return found


def param_values(field: str, method: str, parameter: str, value: Any) -> tuple[Any, ...]:
    """Return the values to try of one parameter.

    Args:
        field: the field of the study, for messages.
        method: name of the method.
        parameter: name of the parameter.
        value: a value, several, or a text as on the command line, such as `1-8` or `auto`.

    Raises:
        SettingError: the parameter does not exist, or a value does not fit.
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
        raise SettingError(field, f"{method}.{parameter}: {error}") from None
    if not tried:
        raise SettingError(field, f"{method}.{parameter}: the list of values is empty")
    return tuple(dict.fromkeys(tried))


def _param_value(spec: ParamSpec, value: Any) -> Any:
    return spec.parse(value) if isinstance(value, str) else spec.check(value)


def _method_name(field: str, method: Any) -> str:
    if isinstance(method, str):
        load_method(method)
        return method
    if isinstance(method, type):
        return name_of_class(method)
    raise SettingError(field, f"expected a method's name or class, got {method!r}")


def _texts(
    field: str, value: str | Iterable[str], parse: Callable[[str], tuple[str, ...]]
) -> tuple[str, ...]:
    if isinstance(value, str):
        return _parse(field, value, parse)
    found = _to_list(field, value)
    for each in found:
        if not (isinstance(each, str) and each.strip()):
            raise SettingError(field, f"expected texts, got {each!r}")
    if not found and field != "drift":
        raise SettingError(field, "the list is empty; give at least one, or None for the default")
    return tuple(dict.fromkeys(found))


def _parse(field: str, text: str, parse: Callable[[str], tuple[Any, ...]]) -> tuple[Any, ...]:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingError(field, str(error)) from None


def _to_list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, Iterable):
        raise SettingError(field, f"expected a list, got {value!r}")
    return list(value)


NORMALIZED: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("dataset", "schedule", "tune_on", "match_memory"), text),
    **dict.fromkeys(("backbone", "embedding"), text),
    **dict.fromkeys(("protocol", "weights"), path),
    **dict.fromkeys(("skip_unreadable", "random_weights"), flag),
    **dict.fromkeys(("categories", "drift"), names),
    "layers": layers,
    "orders": orders,
    "seeds": seeds,
    "contaminate": shares,
    "methods": methods,
    "tune": tuned,
}
"""Field of `Study` -> what checks and normalizes it; `settings` checks the others."""
