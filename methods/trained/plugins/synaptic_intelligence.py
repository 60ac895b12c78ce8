"""Synaptic intelligence: Avalanche's plugin, mended, and its state."""

from __future__ import annotations

from typing import Any

from avalanche.training.plugins import SynapticIntelligencePlugin
from avalanche.training.utils import ParamData
from torch import nn

from .parameters import as_tensors

_LARGEST_IMPORTANCE = 0.001
"""Upper limit of importances in `SynapticIntelligencePlugin`."""


class SynapticIntelligence(SynapticIntelligencePlugin):
    """Avalanche's plugin, with copies of the parameters instead of views on a CPU.

    Views change with the parameters, so every step would have length 0 and no parameter an
    importance.
    """

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, **kwargs)
        _copy_data(self.ewc_data[0])

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy, **kwargs)
        _copy_data(self.syn_data["old_theta"])


def restore_synaptic_intelligence(
    strength: float, state: dict[str, Any], network: nn.Module
) -> SynapticIntelligence:
    """Build the SI plugin.

    Args:
        strength: weight of the penalty.
        state: what `synaptic_intelligence_state` returned; empty before the first experience.
        network: the network that it regularizes.
    """
    plugin = SynapticIntelligence(strength)
    plugin.create_syn_data(network, plugin.ewc_data, plugin.syn_data, plugin.excluded_parameters)
    for name, trajectory in state.get("trajectory", {}).items():
        plugin.syn_data["cum_trajectory"][name].data = trajectory.cpu().clone()
        plugin.ewc_data[1][name].data = (-trajectory.cpu()).clamp(max=_LARGEST_IMPORTANCE)
    return plugin


def synaptic_intelligence_state(plugin: SynapticIntelligence) -> dict[str, Any]:
    """The sums from which the importances are computed."""
    return {"trajectory": as_tensors(plugin.syn_data["cum_trajectory"])}


def _copy_data(data: dict[str, ParamData]) -> None:
    """Replace the data of each entry by a copy."""
    for entry in data.values():
        entry.data = entry.data.clone()
