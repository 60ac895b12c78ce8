"""From the options of `cadbench run`, or from a file that `--dry-run` wrote, to cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.options import names, numbers, order_texts

if TYPE_CHECKING:
    from ...data.manifest import Manifest
    from ...features.spec import FeatureSpec
    from ...features.weights import Weights
    from ...protocols.protocol import Protocol
    from ...running.cell import Cell
    from ...running.study import Matched

_PAPER_BACKBONE = "wide_resnet50_2"


@dataclass(frozen=True)
class Planned:
    """What a run computes: cells, those that wait for another's memory, and the weights of all."""

    cells: list[Cell]
    weights: Weights
    matched: list[Matched] = field(default_factory=list)


def from_options(given: Mapping[str, Any], manifest: Manifest) -> Planned:
    """The factorial that the options ask for, or its shard."""
    from ...data.drift.domains import parse_domains
    from ...features.weights import EMBEDDED_BACKBONE, find_weights
    from ...pixels.maps import MapSpec
    from ...running.study import Study, match_memory, parse_settings, plan, take_shard
    from ...streams.stream import resolve_order

    backbone = given["backbone"]
    if backbone is None:
        backbone = _PAPER_BACKBONE if manifest.name == "mvtec" else EMBEDDED_BACKBONE
    protocol: Protocol | None = given["protocol"]
    resolve = protocol.order if protocol else resolve_order
    orders = tuple(resolve(text, manifest.categories) for text in order_texts(given["order"]))
    weights = find_weights(backbone, given["weights"], random=given["random_weights"])
    study = Study(
        manifest=manifest,
        features=_feature_spec(backbone, weights, given),
        maps=MapSpec(sigma=given["map_sigma"]),
        schedule=given["schedule"],
        routing=given["routing"],
        unseen=given["unseen"],
        methods=tuple(dict.fromkeys(given["methods"])),
        sweep=parse_settings(given["methods"], given["settings"], given["experts"]),
        orders=orders,
        seeds=numbers(given["seeds"], "--seeds"),
        protocol_id=protocol.id if protocol else None,
        drift=parse_domains(names(given["drift"]) or ()),
        blend=given["blend"],
    )
    cells = plan(study)
    if given["match_memory"]:
        cells, matched = match_memory(cells, given["match_memory"])
        return Planned(cells, weights, matched)
    return Planned(take_shard(cells, given["shard"]), weights)


def read_cells(file: Path) -> list[Cell]:
    """The cells of a file that `cadbench run --dry-run --format json` wrote."""
    from ...running.cell import Cell

    try:
        listed = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--cells {file}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--cells {file} is not JSON: {error}") from None
    if not (isinstance(listed, list) and listed and all(isinstance(c, dict) for c in listed)):
        raise UsageError(
            f"--cells {file} is not a list of cells; make it with "
            "`cadbench run ... --dry-run --format json`"
        )
    cells = [Cell.from_dict(values) for values in listed]
    if any((c.features, c.manifest) != (cells[0].features, cells[0].manifest) for c in cells):
        raise UsageError(
            f"--cells {file}: its cells have different features or images; run each kind by itself"
        )
    return cells


def from_cells(cells: Sequence[Cell], weights_file: Path | None, shard: str | None) -> Planned:
    """Cells that are given, or their shard, with their weights."""
    from ...features.weights import find_weights
    from ...running.study import take_shard

    features = cells[0].features
    random = features.weights.startswith("random:")
    weights = find_weights(features.backbone, weights_file, random=random)
    if weights.name != features.weights:
        raise UsageError(
            f"--cells: made with other weights of {features.backbone}; give them with --weights"
        )
    return Planned(take_shard(cells, shard), weights)


def print_cells(planned: Planned, output: str) -> None:
    """What `--dry-run` shows: a line a cell, or JSON that `--cells` takes."""
    if output == "json":
        if planned.matched:
            raise UsageError(
                "--match-memory: its cells are known only after the reference has run, so they "
                "cannot be written with --format json"
            )
        click.echo(json.dumps([cell.as_dict() for cell in planned.cells], indent=1))
        return
    for cell in planned.cells:
        click.echo(f"{cell.key[:8]}  {printable(cell.label())}")
    for pair in planned.matched:
        click.echo(f"{'':8}  {pair.cell.method}, as much memory as {pair.reference.label()}")
    click.echo(f"{len(planned.cells) + len(planned.matched)} cells")


def _feature_spec(backbone: str, weights: Weights, given: Mapping[str, Any]) -> FeatureSpec:
    from ...data.images.preprocessing import Preprocessing
    from ...features.backbones import STRIDES, default_embedding, embedding_params
    from ...features.spec import FeatureSpec

    embedding = given["embedding"] or default_embedding(backbone)
    protocol: Protocol | None = given["protocol"]
    return FeatureSpec(
        backbone=backbone,
        weights=weights.name,
        layers=STRIDES,
        embedding=embedding,
        embedding_params=embedding_params(embedding),
        preprocessing=protocol.preprocessing
        if protocol
        else Preprocessing.for_image_size(given["image_size"]),
    )
