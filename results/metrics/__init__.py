"""Every metric as a pure function of arrays, NumPy only; `cadbench.metrics` in Python.

    cadbench.metrics.bwt(R, s).value      # R (T, C): category c after experience t; s (C,)
    cadbench.metrics.auroc(scores, labels)

Image metrics take scores (N,) and labels (N,), 1 for defective, and return a float. Continual
metrics take R and s, the experience that introduces each category, and return `Measured`: the
value, and the number of categories that it is over. `false_alarm_rate` and `recall` also take a
threshold, which `alarm_threshold` makes of held-out scores. Metrics of anomaly maps need torch
and are in `cadbench.benchmark.pixels.metrics`.
"""

from .continual import (
    acc,
    acc_incremental,
    acc_learned,
    bwt,
    bwt_all,
    expert_forgetting,
    expert_worst_drop,
    fm,
    fm_clamped,
    fwt,
    gap_to_joint,
    worst_drop,
)
from .from_events.boundaries import (
    boundaries_found,
    boundaries_missed,
    boundary_delay,
    false_switches,
)
from .from_events.neighbors import wrong_neighbor_rate
from .image.auroc import auroc
from .image.average_precision import average_precision
from .image.f1_max import f1_max
from .image.fpr95 import fpr95
from .inferred_routing import pooled_auroc, routing_accuracy
from .metric import Measured
from .operating_points import alarm_threshold, false_alarm_rate, recall

__all__ = [
    "Measured",
    "acc",
    "acc_incremental",
    "acc_learned",
    "alarm_threshold",
    "auroc",
    "average_precision",
    "boundaries_found",
    "boundaries_missed",
    "boundary_delay",
    "bwt",
    "bwt_all",
    "expert_forgetting",
    "expert_worst_drop",
    "f1_max",
    "false_alarm_rate",
    "false_switches",
    "fm",
    "fm_clamped",
    "fpr95",
    "fwt",
    "gap_to_joint",
    "pooled_auroc",
    "recall",
    "routing_accuracy",
    "worst_drop",
    "wrong_neighbor_rate",
]
