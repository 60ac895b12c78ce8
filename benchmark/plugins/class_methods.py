"""Call the class methods of a method; errors in its code name the method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..system.plugin_errors import PluginMistake, attribute_errors_to

if TYPE_CHECKING:
    from ..interface.method import CellFacts, Method
    from ..interface.params import Params


def make_params(name: str, method: type[Method], values: Mapping[str, Any]) -> Params:
    """Make a method's parameters from some values; the others have their defaults.

    Raises:
        UsageError: a value is wrong.
        CadbenchError: the method's own code raised an exception.
    """
    with attribute_errors_to(name, method, method.Params.__name__):
        return method.Params(**values)


def resolve_params(name: str, method: type[Method], params: Params, facts: CellFacts) -> Params:
    """Call `Method.resolve`.

    Raises:
        CadbenchError: it raised an exception or returned no parameters.
    """
    with attribute_errors_to(name, method, "resolve"):
        resolved: Params = method.resolve(params, facts)
        _check("resolve", method, resolved)
    return resolved


def params_with_memory(
    name: str, method: type[Method], params: Params, vectors: int, categories: int
) -> Params | None:
    """Call `Method.with_memory`.

    Raises:
        CadbenchError: it raised an exception or returned neither parameters nor None.
    """
    with attribute_errors_to(name, method, "with_memory"):
        matched: Params | None = method.with_memory(params, vectors, categories)
        if matched is not None:
            _check("with_memory", method, matched)
    return matched


def sharing_rank(name: str, method: type[Method], params: Params) -> float:
    """Call `Method.sharing_rank`.

    Raises:
        CadbenchError: it raised an exception or returned no number.
    """
    with attribute_errors_to(name, method, "sharing_rank"):
        rank: object = method.sharing_rank(params)
        if not isinstance(rank, int | float) or math.isnan(rank):
            raise PluginMistake(
                f"sharing_rank returned {_kind(rank)}, expected a whole number; higher comes first"
            )
    return rank


def _check(call: str, method: type[Method], params: object) -> None:
    if type(params) is not method.Params:
        raise PluginMistake(
            f"{call} returned {_kind(params)}, expected its parameters ({method.Params.__name__})"
        )


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
