"""Whether a class declares what a method must: found out when it is loaded, not in mid-run."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, get_args

from ...results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from ..interface.method import Method


def refuse_unusable(called: str, loaded: Any) -> None:
    """`CadbenchError` that says what is missing; `called` begins it, such as `method 'mine'`."""
    from ..interface.context import Routing
    from ..interface.method import Method
    from ..interface.params import Params

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
    if not isinstance(loaded.recurring, bool):
        raise CadbenchError(f"{called}: recurring is True or False, not {loaded.recurring!r}")
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


def refuse_recurring(
    name: str, method: type[Method], routing: str, *, drift: bool, blend: bool
) -> None:
    """`UsageError` where categories return in the stream, and the method cannot learn them again.

    Where experiences blend under inferred routing no category is told, so none can return.
    """
    if method.recurring or not (drift or blend) or (blend and routing == "inferred"):
        return
    option = "--drift" if drift else "--blend"
    raise UsageError(
        f"method {name} cannot learn a category that returns (it does not declare recurring), and "
        f"{option} lets categories return; leave out the method or {option}"
    )
