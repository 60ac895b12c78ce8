"""The images and cells of a study."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.manifest import Manifest
from ..data.opening.locations import DataRoots
from ..data.opening.open_dataset import open_dataset
from ..plugins.methods import load_method
from ..protocols.builtin import find_protocol
from ..running.cell import Cell
from ..running.design import Design, MatchedCell, cells_of, match_memory
from ..streams.contamination import contamination_warnings
from ..streams.orders import Order, resolve_order
from ..streams.settings import DEFAULTS, StreamSettings
from ..system.reporting import Reporter, Silent
from .difficulty import is_by_difficulty, order_by_difficulty
from .settings import Settings

if TYPE_CHECKING:
    from ..features.feature_spec import FeatureSpec
    from ..features.weights import Weights
    from .tuning import Tuning

_PAPER_BACKBONE = "wide_resnet50_2"


@dataclass(frozen=True)
class Plan:
    """What a study computes.

    Attributes:
        manifest: the images.
        weights: backbone weights of all cells.
        cells: the cells that can be computed immediately.
        matched: cells whose parameters depend on another cell's memory (`match_memory`).
        tunings: choices of parameters; the chosen cells are computed after `cells`.
    """

    manifest: Manifest
    weights: Weights
    cells: list[Cell]
    matched: list[MatchedCell] = field(default_factory=list)
    tunings: list[Tuning] = field(default_factory=list)


def make_plan(
    settings: Settings, reporter: Reporter | None = None, out: Path = Path("runs")
) -> Plan:
    """Open the dataset of a study and list its cells.

    Args:
        settings: the settings of the study.
        reporter: receives progress and warnings.
        out: folder of the records that orders by difficulty are read from.

    Raises:
        UsageError: the schedule or an order does not fit the data.
        DataError: the data are missing, incomplete or damaged.
    """
    from ..features.weights import EMBEDDED_BACKBONE, find_weights

    reporter = reporter or Silent()
    protocol = settings.protocol
    if settings.backbone is not None:
        _check_backbone(settings.backbone, settings)
    manifest = open_dataset(
        settings.dataset,
        settings.data_root,
        settings.categories,
        skip_unreadable=settings.skip_unreadable,
        reporter=reporter,
        required_by=f"protocol {protocol.where}" if protocol else None,
    )
    backbone = settings.backbone
    if backbone is None:
        backbone = _PAPER_BACKBONE if manifest.name == "mvtec" else EMBEDDED_BACKBONE
        _check_backbone(backbone, settings)
    weights = find_weights(backbone, settings.weights, random=settings.random_weights)
    features = _feature_spec(backbone, weights, settings)
    orders = tuple(
        _resolve_order(text, settings, manifest, features, out, reporter)
        for text in settings.orders
    )
    design = Design(
        manifest=manifest,
        features=features,
        maps=settings.maps,
        streams=settings.streams,
        methods=tuple(settings.methods),
        sweep=settings.methods,
        orders=orders,
        seeds=settings.seeds,
        protocol_id=protocol.id if protocol else None,
    )
    untuned = tuple(method for method in settings.methods if method not in settings.tune)
    cells = cells_of(replace(design, methods=untuned)) if untuned else []
    _warn_of_unofficial_orders(settings, cells, reporter)
    for stream in settings.streams:
        for line in contamination_warnings(manifest, stream.contaminate):
            reporter.warn(line)
    if settings.tune:
        from .tuning import plan_tunings

        trials = _trial_design(design, settings, weights, reporter)
        tunings = plan_tunings(design, settings.tune, trials, weights)
        return Plan(manifest, weights, cells, tunings=tunings)
    if settings.match_memory is None:
        return Plan(manifest, weights, cells)
    return Plan(manifest, weights, *match_memory(cells, settings.match_memory))


def _trial_design(
    design: Design, settings: Settings, weights: Weights, reporter: Reporter
) -> Design:
    """The stream on whose training images parameters are chosen: the study's, or `tune_on`."""
    if settings.tune_on is None:
        unheld = {"holdout": 0.0, "threshold_quantile": DEFAULTS["threshold_quantile"]}
        streams = tuple(replace(stream, **unheld) for stream in design.streams)
        return replace(design, streams=streams, protocol_id=None)
    protocol = find_protocol(settings.tune_on)
    several = isinstance(settings.data_root, DataRoots) or protocol.dataset == settings.dataset
    manifest = open_dataset(
        protocol.dataset,
        settings.data_root if several else None,
        protocol.categories,
        skip_unreadable=settings.skip_unreadable,
        reporter=reporter,
        required_by=f"protocol {protocol.where}",
    )
    names = ("schedule", "routing", "unseen", "blend")
    stream = StreamSettings(**{name: getattr(protocol, name) for name in names})
    return Design(
        manifest=manifest,
        features=replace(design.features, preprocessing=protocol.preprocessing),
        maps=protocol.maps,
        streams=(stream,),
        methods=design.methods,
        sweep=design.sweep,
        orders=protocol.official_orders(manifest.categories),
        seeds=design.seeds,
        protocol_id=protocol.id,
    )


def _resolve_order(
    text: str,
    settings: Settings,
    manifest: Manifest,
    features: FeatureSpec,
    out: Path,
    reporter: Reporter,
) -> Order:
    """Turn the text of `--order` into an order; the protocol's named orders take precedence."""
    protocol = settings.protocol
    if is_by_difficulty(text) and not (protocol and text in protocol.named_orders):
        return order_by_difficulty(text, manifest, features, out, reporter)
    return (protocol.order if protocol else resolve_order)(text, manifest.categories)


def check_weights(plan: Plan) -> None:
    """Load the weights of a plan once, as a run does before it extracts features.

    Raises:
        UsageError: the backbone cannot be used with these images.
        CadbenchError: the weights do not fit the backbone.
    """
    from ..features.timm_models import load_model

    for features in {cell.features for cell in plan.cells}:
        load_model(features, plan.weights)


def _feature_spec(backbone: str, weights: Weights, settings: Settings) -> FeatureSpec:
    from ..features.backbones import default_embedding, embedding_params
    from ..features.feature_spec import FeatureSpec

    layers = _layers(backbone, settings)
    embedding = settings.embedding or default_embedding(backbone, layers)
    return FeatureSpec(
        backbone=backbone,
        weights=weights.name,
        layers=layers,
        embedding=embedding,
        embedding_params=embedding_params(embedding),
        preprocessing=settings.preprocessing,
    )


def _check_backbone(backbone: str, settings: Settings) -> None:
    """Refuse a backbone that a run of this study would refuse, before any image is read."""
    from ..features.timm_models import check_backbone

    check_backbone(
        backbone,
        _layers(backbone, settings),
        settings.preprocessing.crop,
        prompts=any(load_method(name).needs_transformer for name in settings.methods),
    )


def _layers(backbone: str, settings: Settings) -> tuple[int | str, ...]:
    """The layers of the study, or the default layers of the backbone."""
    from ..features.networks.layers import default_layers

    return settings.layers or default_layers(backbone)


def _warn_of_unofficial_orders(settings: Settings, cells: list[Cell], reporter: Reporter) -> None:
    """Warn of each order that is not an official order of the protocol."""
    protocol = settings.protocol
    if protocol is None:
        return
    for order in dict.fromkeys(cell.order for cell in cells):
        if order not in protocol.official_orders(tuple(sorted(order.categories))):
            reporter.warn(
                f"order {order.name} is not one of {protocol.where}'s official orders "
                f"({', '.join(protocol.orders)}): do not compare these rows with official ones"
            )
