"""All routers by name: the choices of the parameter `router` of every method that has it."""

from __future__ import annotations

from .centroid import Centroid
from .expert_gate import ExpertGate
from .nearest_max import NearestMax
from .nearest_mean import NearestMean
from .nearest_squares import NearestSquares
from .router import Router

ROUTERS: dict[str, type[Router]] = {
    "nearest_mean": NearestMean,
    "nearest_max": NearestMax,
    "nearest_squares": NearestSquares,
    "centroid": Centroid,
    "expert_gate": ExpertGate,
}
