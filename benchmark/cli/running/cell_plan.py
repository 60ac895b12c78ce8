"""The images and cells of a run, from its options or from a file that `--dry-run` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable
from ....results.validation import parse_json
from ...system.cache import cache_root
from ...system.reporting import Reporter
from ..shared.counts import format_count
from ..shared.options import parse_names, parse_numbers, parse_orders

if TYPE_CHECKING:
    from ...data.manifest import Manifest
    from ...features.feature_spec import FeatureSpec
    from ...features.weights import Weights
    from ...protocols.protocol import Protocol
    from ...running.cell import Cell
    from ...running.study import MatchedCell

_PAPER_BACKBONE = "wide_resnet50_2"


@dataclass(frozen=True)
class CellPlan:
    """What a run computes.

    Attributes:
        cells: the cells that can be computed immediately.
        weights: backbone weights of all cells.
        matched: cells whose parameters depend on another cell's memory (`--match-memory`).
    """

    cells: list[Cell]
    weights: Weights
    matched: list[MatchedCell] = field(default_factory=list)


def open_manifest(
    given: Mapping[str, Any], listed_cells: Sequence[Cell] | None, reporter: Reporter
) -> Manifest:
    """Open the dataset of a run.

    Args:
        given: the options of `cadbench run`.
        listed_cells: the cells of `--cells`; their categories are used if no option gives any.
        reporter: receives progress and warnings.
    """
    from ...data.opening.open_dataset import open_dataset

    categories = parse_names(given["categories"])
    if listed_cells and categories is None:
        categories = listed_cells[0].order.categories
    return open_dataset(
        given["dataset"],
        given["data_root"],
        categories,
        skip_unreadable=given["skip_unreadable"],
        cache=cache_root(),
        reporter=reporter,
        required_by=given["protocol"] and f"protocol {given['protocol'].where}",
    )


def plan_from_options(given: Mapping[str, Any], manifest: Manifest) -> CellPlan:
    """Expand the options of `cadbench run` into cells: all combinations, or a shard of them."""
    from ...data.domains import parse_domains
    from ...features.weights import EMBEDDED_BACKBONE, find_weights
    from ...pixels.maps import MapSpec
    from ...running.study import Study, match_memory, plan
    from ...streams.orders import resolve_order
    from .settings import parse_settings, take_shard

    backbone = given["backbone"]
    if backbone is None:
        backbone = _PAPER_BACKBONE if manifest.name == "mvtec" else EMBEDDED_BACKBONE
    protocol: Protocol | None = given["protocol"]
    resolve = protocol.order if protocol else resolve_order
    orders = tuple(resolve(text, manifest.categories) for text in parse_orders(given["order"]))
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
        seeds=parse_numbers(given["seeds"], "--seeds"),
        protocol_id=protocol.id if protocol else None,
        drift=parse_domains(parse_names(given["drift"]) or ()),
        blend=given["blend"],
    )
    cells = plan(study)
    if given["match_memory"]:
        cells, matched = match_memory(cells, given["match_memory"])
        return CellPlan(cells, weights, matched)
    return CellPlan(take_shard(cells, given["shard"]), weights)


def read_cells_file(file: Path) -> list[Cell]:
    """Read a file that `cadbench run --dry-run --format json` wrote.

    Raises:
        UsageError: the file cannot be read, or its cells cannot run together.
    """
    from ...running.cell import Cell

    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"--cells {file}: {error.strerror}") from None
    listed = parse_json(content, f"--cells {file}")
    if not (isinstance(listed, list) and listed and all(isinstance(c, dict) for c in listed)):
        raise UsageError(
            f"--cells {file} is not a list of cells; create it with "
            "`cadbench run ... --dry-run --format json`"
        )
    cells = [
        Cell.from_dict(values, f"--cells {file}: cell {index}")
        for index, values in enumerate(listed)
    ]
    if any((c.features, c.manifest) != (cells[0].features, cells[0].manifest) for c in cells):
        raise UsageError(
            f"--cells {file}: the cells have different features or images; run each group "
            "separately"
        )
    return cells


def plan_from_cells(
    cells: Sequence[Cell], weights_file: Path | None, shard: str | None
) -> CellPlan:
    """Plan listed cells, or a shard of them, and find their backbone weights.

    Raises:
        UsageError: the weights found are not those with which the cells were plan.
    """
    from ...features.weights import find_weights
    from .settings import take_shard

    features = cells[0].features
    random = features.weights.startswith("random:")
    weights = find_weights(features.backbone, weights_file, random=random)
    if weights.name != features.weights:
        raise UsageError(
            f"--cells: these cells need other weights of {features.backbone}; pass them with "
            "--weights"
        )
    return CellPlan(take_shard(cells, shard), weights)


def print_cells(plan: CellPlan, output: str) -> None:
    """Print the plan for `--dry-run`: one line per cell, or JSON for `--cells`."""
    if output == "json":
        if plan.matched:
            raise UsageError(
                "--match-memory: the parameters of its cells depend on results, so they cannot be "
                "written with --format json"
            )
        click.echo(json.dumps([cell.as_dict() for cell in plan.cells], indent=1))
        return
    for cell in plan.cells:
        click.echo(f"{cell.key[:8]}  {printable(cell.label())}")
    for pair in plan.matched:
        click.echo(f"{'':8}  {pair.cell.method}, with the memory of {pair.reference.label()}")
    click.echo(format_count(len(plan.cells) + len(plan.matched), "cell"))


def _feature_spec(backbone: str, weights: Weights, given: Mapping[str, Any]) -> FeatureSpec:
    from ...data.images.preprocessing import Preprocessing
    from ...features.backbones import STRIDES, default_embedding, embedding_params
    from ...features.feature_spec import FeatureSpec

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
