"""Elastic weight consolidation: Avalanche's plugin and its state."""

from __future__ import annotations

from typing import Any

from avalanche.training.plugins import EWCPlugin
from torch import nn

from .parameters import as_data, as_tensors


def restore_ewc(strength: float, state: dict[str, Any], network: nn.Module) -> EWCPlugin:
    """Build the EWC plugin, with one penalty per earlier experience.

    Args:
        strength: weight of the penalties.
        state: what `ewc_state` returned after the last experience; empty before the first.
        network: the network, whose parameters are the optimum of the last experience.
    """
    plugin = EWCPlugin(strength)
    optima = [*state.get("optima", ()), dict(network.named_parameters())]
    for index, importances in enumerate(state.get("importances", ())):
        plugin.importances[index] = as_data(importances)
        plugin.saved_params[index] = as_data(optima[index])
    return plugin


def ewc_state(plugin: EWCPlugin) -> dict[str, Any]:
    """The importances of every experience, and the optima of all but the last."""
    count = len(plugin.importances)
    return {
        "importances": [as_tensors(plugin.importances[index]) for index in range(count)],
        "optima": [as_tensors(plugin.saved_params[index]) for index in range(count - 1)],
    }
