"""Memory aware synapses: Avalanche's plugin, with importances of the predictions."""

from __future__ import annotations

from typing import Any

from avalanche.training.plugins import MASPlugin
from avalanche.training.utils import ParamData, zerolike_params_dict
from torch import nn
from torch.utils.data import DataLoader

from .parameters import as_data, as_tensors


class MemoryAwareSynapses(MASPlugin):
    """Avalanche's plugin, with the length of the predictions instead of that of the errors.

    The network's output is the error, whose gradient vanishes as training succeeds; importances are
    about what the network computes. They are measured in evaluation mode, as those of EWC, so that
    measuring does not change batch statistics.
    """

    def _get_importance(self, strategy: Any) -> dict[str, ParamData]:
        network = strategy.model
        importances: dict[str, ParamData] = dict(zerolike_params_dict(network))
        network.eval()
        dataset = strategy.experience.dataset
        batches = DataLoader(
            dataset, batch_size=strategy.train_mb_size, collate_fn=dataset.collate_fn
        )
        for batch in batches:
            strategy.optimizer.zero_grad()
            network.output_norms(batch[0].to(strategy.device)).mean().backward()
            for name, value in network.named_parameters():
                if value.grad is not None:
                    importances[name].data += value.grad.abs() / len(batches)
        strategy.optimizer.zero_grad()
        return importances


def restore_memory_aware_synapses(
    strength: float, alpha: float, state: dict[str, Any], network: nn.Module
) -> MemoryAwareSynapses:
    """Build the plugin for one experience.

    Args:
        strength: weight of the penalty.
        alpha: share of the old importances in the new ones.
        state: what `memory_aware_synapses_state` returned; empty before the first experience.
        network: the network, whose parameters are the optimum of the last experience.
    """
    plugin = MemoryAwareSynapses(strength, alpha)
    if state:
        plugin.importance = as_data(state["importances"])
        plugin.params = as_data(dict(network.named_parameters()))
    return plugin


def memory_aware_synapses_state(plugin: MemoryAwareSynapses) -> dict[str, Any]:
    """The importances; the optimum is the network."""
    return {"importances": as_tensors(plugin.importance or {})}
