"""Whether a class declares what a method must: found out when it is loaded, not in mid-run."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, get_args

from results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from benchmark.method import Method


def refuse_unusable(called: str, loaded: Any) -> None:
    """`CadbenchError` that says what is missing; `called` begins it, such as `method 'mine'`."""
    from benchmark.method import Method, Routing
    from benchmark.params import Params

    if not (isinstance(loaded, type) and issubclass(loaded, Method)):
        raise CadbenchError(f"{called} is not a subclass of cadbench.Method")
    if inspect.isabstract(loaded):
        missing = ", ".join(sorted(loaded.__abstractmethods__))
        raise CadbenchError(f"{called} is unfinished: {loaded.__name__} does not define {missing}")
    if not (isinstance(loaded.version, str) and loaded.version):
        raise CadbenchError(f"{called}: its version is a text such as '1', not {loaded.version!r}")
    known = get_args(Routing)
    if not loaded.routings or not set(loaded.routings) <= set(known):
        raise CadbenchError(
            f"{called}: its routings are one or more of {known}, not {loaded.routings!r}"
        )
    params = loaded.Params
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise CadbenchError(f"{called}: its Params is not a subclass of cadbench.Params")
    if any(isinstance(value, dataclasses.Field) for value in vars(params).values()):
        raise CadbenchError(f"{called}: decorate {params.__name__} with @dataclass(frozen=True)")
    try:
        params()
    except Exception as error:
        raise CadbenchError(f"{called}: its parameters are declared wrongly: {error}") from error


def refuse_routing(name: str, method: type[Method], routing: str) -> None:
    """`UsageError` where the method says that it cannot score under this routing."""
    if routing not in method.routings:
        raise UsageError(
            f"method {name} has no {routing} routing; it runs with --routing "
            f"{' or '.join(method.routings)}"
        )
