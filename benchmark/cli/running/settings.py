"""Parse the options that choose parameters and cells: `--set`, `--experts` and `--shard`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ...interface.params import spec_named, specs
from ...plugins.methods import load_method, method_names
from ...system.number_ranges import parse_whole_number

T = TypeVar("T")

_EXPERTS = "experts"
"""The parameter that `--experts` sets."""


def parse_settings(
    methods: Sequence[str], settings: Iterable[str], experts: str | None
) -> dict[str, dict[str, list[Any]]]:
    """Turn `--set METHOD.PARAM=VALUES` and `--experts VALUES` into a sweep.

    Args:
        methods: the methods of the run.
        settings: texts of `--set`. A method `package.module:Class` may be written `Class` if no
            other method of the run has a class of this name.
        experts: text of `--experts`; it applies to every method that has experts.

    Returns:
        Method -> parameter -> the values to try.

    Raises:
        UsageError: a text is malformed, names another method or parameter, or sets a parameter
            twice.
    """
    sweep: dict[str, dict[str, list[Any]]] = {}
    for setting in settings:
        method, name, values = _split(setting, methods)
        tried = sweep.setdefault(method, {})
        if name in tried:
            raise UsageError(
                f"--set {method}.{name} is given twice; write all its values in one, with commas"
            )
        tried[name] = _parse_values(method, name, values, f"--set {setting}")
    if experts is not None:
        having = [method for method in methods if _has(method, _EXPERTS)]
        if not having:
            others = ", ".join(m for m in method_names() if _loads_and_has(m, _EXPERTS))
            raise UsageError(
                f"--experts: none of {', '.join(methods)} has experts; methods that do: {others}"
            )
        for method in having:
            if _EXPERTS in sweep.get(method, {}):
                raise UsageError(f"--experts and --set {method}.{_EXPERTS} exclude each other")
            sweep.setdefault(method, {})[_EXPERTS] = _parse_values(
                method, _EXPERTS, experts, f"--experts {experts}"
            )
    return sweep


def take_shard(cells: Sequence[T], shard: str | None) -> list[T]:
    """Select every N-th cell, starting at the I-th.

    Args:
        cells: all cells of the run.
        shard: text of `--shard`: `I/N` with I from 1 to N; None selects all cells.

    Raises:
        UsageError: the text is malformed.
    """
    if shard is None:
        return list(cells)
    left, _, right = shard.partition("/")
    index, count = parse_whole_number(left), parse_whole_number(right)
    if index is None or count is None or not 1 <= index <= count:
        raise UsageError(f"--shard {shard!r}: write I/N with I from 1 to N, such as 1/4")
    return list(cells[index - 1 :: count])


def _split(setting: str, methods: Sequence[str]) -> tuple[str, str, str]:
    """The method, the parameter and the values of one `--set`."""
    target, equals, values = setting.partition("=")
    method, dot, name = target.strip().rpartition(".")
    if not (equals and name and values.strip()) or (dot and not method):
        raise UsageError(
            f"--set {setting!r}: write METHOD.PARAM=VALUES, such as mecad.threshold=0.8,0.9"
        )
    method = _full_name(method, methods) if dot else _only_method_with(name, methods)
    if method not in methods:
        load_method(method)
        raise UsageError(
            f"--set {setting}: {method} is not among the methods of this run "
            f"({', '.join(methods)}); add --method {method}"
        )
    return method, name, values


def _only_method_with(name: str, methods: Sequence[str]) -> str:
    """The method of the run that has the parameter, if it is only one."""
    having = [method for method in methods if _has(method, name)]
    if len(having) == 1:
        return having[0]
    if not having:
        every = [spec.name for method in methods for spec in specs(load_method(method).Params)]
        raise UsageError(
            f"--set {name}: no method of this run ({', '.join(methods)}) has the parameter "
            f"{name!r}{suggestion(name, every)}"
        )
    targets = " or ".join(f"{method}.{name}" for method in having)
    raise UsageError(f"--set {name}: several methods of this run have it; write {targets}")


def _full_name(written: str, methods: Sequence[str]) -> str:
    """The method that is written by its name or, for `module:Class`, by the class alone."""
    found = {name for name in methods if name.endswith(f":{written}")}
    if len(found) > 1 and written not in methods:
        raise UsageError(
            f"--set {written}: this could be {' or '.join(sorted(found))}; write the full name"
        )
    return written if written in methods or not found else found.pop()


def _parse_values(method: str, name: str, text: str, where: str) -> list[Any]:
    spec = spec_named(load_method(method).Params, name, method)
    try:
        return spec.parse_sweep(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def _has(method: str, name: str) -> bool:
    return name in {spec.name for spec in specs(load_method(method).Params)}


def is_parameter(name: str) -> bool:
    """Whether an installed method has a parameter of this name."""
    return any(_loads_and_has(method, name) for method in method_names())


def _loads_and_has(method: str, name: str) -> bool:
    try:
        return _has(method, name)
    except Exception:  # a broken plugin is reported where it is used, not here
        return False
