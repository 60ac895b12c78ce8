"""Checks of a method's declarations, made when it is loaded and before a run starts."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, get_args

from ...results.errors import CadbenchError, UsageError
from ..system.plugin_errors import describe_error

if TYPE_CHECKING:
    from ..interface.method import Method
    from ..streams.settings import StreamSettings


def check_declaration(label: str, loaded: Any) -> None:
    """Check that a loaded object is a complete method class.

    Args:
        label: start of the error message, such as `method 'mine'`.
        loaded: the object, normally a subclass of `Method`.

    Raises:
        CadbenchError: says what is missing or wrong.
    """
    from ..interface.context import Routing
    from ..interface.method import Method
    from ..interface.params import Params

    if not (isinstance(loaded, type) and issubclass(loaded, Method)):
        raise CadbenchError(f"{label} is not a subclass of cadbench.Method")
    if inspect.isabstract(loaded):
        missing = ", ".join(sorted(loaded.__abstractmethods__))
        raise CadbenchError(f"{label} is incomplete: {loaded.__name__} does not define {missing}")
    if not (isinstance(loaded.version, str) and loaded.version):
        raise CadbenchError(
            f"{label}: version must be a string such as '1', not {loaded.version!r}"
        )
    routings = get_args(Routing)
    if not loaded.routings or not set(loaded.routings) <= set(routings):
        raise CadbenchError(
            f"{label}: routings must be one or more of {routings}, not {loaded.routings!r}"
        )
    if not isinstance(loaded.recurring, bool):
        raise CadbenchError(f"{label}: recurring must be True or False, not {loaded.recurring!r}")
    for name in ("uses_images", "needs_transformer", "finds_boundaries"):
        if not isinstance(value := getattr(loaded, name), bool):
            raise CadbenchError(f"{label}: {name} must be True or False, not {value!r}")
    params = loaded.Params
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise CadbenchError(f"{label}: Params is not a subclass of cadbench.Params")
    if any(isinstance(value, dataclasses.Field) for value in vars(params).values()):
        raise CadbenchError(f"{label}: decorate {params.__name__} with @dataclass(frozen=True)")
    try:
        params()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, CadbenchError) else describe_error(error)
        raise CadbenchError(f"{label}: invalid parameter declaration: {reason}") from error


def check_stream(name: str, method: type[Method], stream: StreamSettings) -> None:
    """Check that a method can learn from a stream.

    A blended stream under inferred routing names no category, so no category can return in it.

    Args:
        name: the method's name.
        method: its class.
        stream: the settings of the stream.

    Raises:
        UsageError: the method does not support the routing, or categories return and the method
            does not declare `recurring`.
    """
    if stream.routing not in method.routings:
        raise UsageError(
            f"method {name} does not support {stream.routing} routing; use --routing "
            f"{' or '.join(method.routings)}"
        )
    unnamed = stream.blend and stream.routing == "inferred"
    if method.recurring or unnamed or not (stream.drift or stream.blend):
        return
    option = "--drift" if stream.drift else "--blend"
    raise UsageError(
        f"method {name} cannot learn a category a second time (it does not declare recurring), but "
        f"{option} makes categories return; leave out the method or {option}"
    )
