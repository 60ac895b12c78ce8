"""The classes DETECTOR+STRATEGY, made from a detector and a strategy when they are first used."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from typing import Any

from ...benchmark.interface.params import Params
from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from .detector import TrainedDetector
from .strategies import Strategy, strategies_of


def combine(detector: type[TrainedDetector], name: str) -> type[TrainedDetector]:
    """Make the class of a detector with a strategy, for `__getattr__` of the detector's module.

    It becomes an attribute of that module, so that it can be imported and pickled by name.

    Args:
        detector: the class of the detector.
        name: its class name followed by that of the strategy's class, such as `FeatureAEEWC`, or
            that of their parameters, `FeatureAEEWCParams`.

    Raises:
        AttributeError: there is no such strategy of this detector.
    """
    module = sys.modules[detector.__module__]
    for strategy in strategies_of(detector).values():
        combined = f"{detector.__name__}{strategy.base.__name__}"
        if name in (combined, f"{combined}Params"):
            _make(detector, strategy)
            return getattr(module, name)
    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")


def with_strategy(detector: type[TrainedDetector], name: str) -> type[TrainedDetector]:
    """Make the class of a detector with a strategy, such as `ewc`, for `module:Class+STRATEGY`.

    Raises:
        UsageError: there is no such strategy of this detector.
    """
    strategies = strategies_of(detector)
    if name not in strategies:
        raise UsageError(
            f"unknown strategy {name!r}{suggestion(name, strategies)}; available: "
            f"{', '.join(strategies)}"
        )
    return _make(detector, strategies[name])


def _make(detector: type[TrainedDetector], strategy: Strategy) -> type[TrainedDetector]:
    module = sys.modules[detector.__module__]
    combined = f"{detector.__name__}{strategy.base.__name__}"
    params = _params(detector, strategy, combined)
    members = {
        "__module__": detector.__module__,
        "__qualname__": combined,
        "__doc__": _description(detector, strategy),
        "Params": params,
    }
    made: type[TrainedDetector] = type(combined, (strategy.base, detector), members)
    setattr(module, combined, made)
    setattr(module, f"{combined}Params", params)
    return made


def _params(detector: type[TrainedDetector], strategy: Strategy, combined: str) -> type[Params]:
    """Parameters of both; defaults of the strategy may differ for the detector."""
    if strategy.params is None:
        return detector.Params
    fields: list[tuple[str, Any, Any]] = []
    for field in dataclasses.fields(strategy.params):
        if field.name in detector.strategy_defaults:
            default = detector.strategy_defaults[field.name]
            changed = dataclasses.field(default=default, metadata=field.metadata)
            fields.append((field.name, field.type, changed))
    return dataclasses.make_dataclass(
        f"{combined}Params",
        fields,
        bases=(strategy.params, detector.Params),
        frozen=True,
        namespace={"__doc__": strategy.params.__doc__, "__module__": detector.__module__},
    )


def _description(detector: type[TrainedDetector], strategy: Strategy) -> str:
    title = detector.title or detector.__name__
    return f"{title}, {strategy.description}.\n\n{inspect.getdoc(detector)}"
