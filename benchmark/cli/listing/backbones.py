"""`cadbench backbones`: list well-known backbones with training data, license and size."""

from __future__ import annotations

import click


@click.command("backbones")
def command() -> None:
    """List well-known backbones: training images, license, parameters, and where weights are.

    Every other timm model can be a backbone too (docs/backbones.md).

    \b
    cadbench run --backbone tf_efficientnet_lite2
    """
    from ....results.rendering.table import Column, Table, Value, text_column
    from ...features.cards import backbone_cards
    from ..shared.table_output import print_tables

    columns = (
        text_column("backbone"),
        Column("M parameters", 1),
        text_column("layers"),
        Column("values"),
        *(text_column(name) for name in ("license", "weights", "MVTec AD in it", "trained on")),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(card.name, card.parameters / 1e6, card.layers, card.values),
            *(
                card.license,
                card.weights,
                card.benchmark,
                f"{card.trained_on}; labels: {card.labels}",
            ),
        )
        for card in backbone_cards()
    ]
    notes = (
        "values: length of a patch embedding with the default layers and embedding",
        "MVTec AD in it: whether images of the benchmark can be among the training images",
    )
    print_tables([Table("Backbones", columns, tuple(rows), notes)])
