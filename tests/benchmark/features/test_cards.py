"""Backbone cards: they agree with timm and with cadbench's defaults."""

from __future__ import annotations

import pytest
import torch
from cadbench.benchmark.features.cards import Card, backbone_cards
from cadbench.benchmark.features.networks.creation import create_model
from cadbench.benchmark.features.networks.layers import default_layers


@pytest.mark.parametrize("card", backbone_cards(), ids=lambda card: card.name)
def test_a_card_states_the_parameters_and_default_layers_of_the_model(card: Card):
    import timm

    if not timm.is_model(card.name.partition(".")[0]):
        pytest.skip("this timm does not have the model")
    with torch.device("meta"):
        model = create_model(card.name)
    assert sum(each.numel() for each in model.parameters()) == card.parameters
    assert ",".join(map(str, default_layers(card.name))) == card.layers


def test_the_command_lists_every_card(call):
    called = call("backbones")
    assert called.code == 0
    for card in backbone_cards():
        assert card.name in called.out
