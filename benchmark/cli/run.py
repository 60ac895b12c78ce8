"""`cadbench run`: methods x parameters x orders x seeds on one stream, each recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cache import cache_root
from benchmark.cli.options import (
    categories_option,
    data_root_option,
    dataset_option,
    names,
    numbers,
    order_texts,
    out_option,
    quiet_option,
    skip_option,
    verbose_option,
)
from benchmark.cli.progress import choose_reporter
from benchmark.reporting import Reporter
from results.errors import UsageError

if TYPE_CHECKING:
    from benchmark.cell import Cell
    from benchmark.data.manifest import Manifest
    from benchmark.features.spec import FeatureSpec
    from benchmark.features.weights import Weights
    from benchmark.plan import Matched

_PAPER_BACKBONE = "wide_resnet50_2"


@click.command("run", short_help="Run methods on a stream and record what they score.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    default=("mecad",),
    show_default=True,
    help="A method; give it several times to compare.",
)
@click.option(
    "--experts",
    default=None,
    metavar="VALUES",
    help="Numbers of experts, such as 1-8: short for --set METHOD.experts=VALUES.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="METHOD.PARAM=VALUES",
    help="Set or sweep a parameter: 1-8, 1,3,5 or 0.8,0.9 (see `cadbench methods`).",
)
@click.option("--seeds", default="0", show_default=True, metavar="N,N-N", help="Seeds.")
@click.option(
    "--order",
    default="alphabetical",
    show_default=True,
    metavar="LIST",
    help="Orders: alphabetical, random:SEED, random:0-3, or a file (a category a line).",
)
@click.option(
    "--schedule",
    default="1x*",
    show_default=True,
    help="Categories by experience: 1x15, 14-1, 10-5, 3x5, 10-1x5; * is as many as fit.",
)
@click.option(
    "--routing",
    type=click.Choice(["oracle", "inferred"]),
    default="oracle",
    show_default=True,
    help="Whether methods are told a test image's category.",
)
@click.option(
    "--unseen",
    type=click.Choice(["next", "all", "none"]),
    default="next",
    show_default=True,
    help="Which categories are scored before they are introduced.",
)
@dataset_option
@data_root_option
@categories_option
@skip_option
@click.option(
    "--backbone",
    default=None,
    metavar="NAME",
    help="A timm model [default: wide_resnet50_2 on MVTec AD, else the embedded "
    "tf_efficientnet_lite0].",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Backbone weights (.safetensors, .pth) instead of the downloaded ones.",
)
@click.option("--random-weights", is_flag=True, help="Untrained backbone; the record says so.")
@click.option(
    "--embedding",
    default=None,
    metavar="NAME",
    help="concat or official [default: the backbone's].",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=32, max=2048),
    default=224,
    show_default=True,
    help="Crop in pixels, after a resize to 256/224 of it.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--neighbours",
    type=click.Choice(["torch", "faiss"]),
    default="torch",
    show_default=True,
    help="Library of the neighbour search; the scores are the same.",
)
@click.option(
    "--match-memory",
    default=None,
    metavar="METHOD",
    help="Give the other methods the vectors that this one stores at the end.",
)
@click.option(
    "--maps",
    type=click.Choice(["final", "all", "none"]),
    default="final",
    show_default=True,
    help="Which anomaly maps the record keeps.",
)
@click.option("--shard", default=None, metavar="I/N", help="Only every N-th cell from the I-th.")
@click.option(
    "--cells",
    "cells_file",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Run exactly the cells that --dry-run --format json printed.",
)
@out_option
@click.option("--overwrite", is_flag=True, help="Compute again what is recorded already.")
@click.option("--dry-run", is_flag=True, help="Print the cells and stop.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of --dry-run.",
)
@quiet_option
@verbose_option
def command(**given: Any) -> None:
    """Run methods on a class-incremental stream; finished cells are reused, begun ones resumed."""
    started = time.monotonic()
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    _check_early(given)
    manifest = _open_manifest(given, reporter)
    cells, matched, weights = _cells(given, manifest)
    if given["dry_run"]:
        _print_cells(cells, matched, given["output"])
        return
    from benchmark.cli.summary import print_summary
    from benchmark.runner import Runner

    runner = Runner(
        manifest=manifest,
        out=given["out"],
        cache=cache_root(),
        device=given["device"],
        weights=weights,
        reporter=reporter,
        overwrite=given["overwrite"],
        maps=given["maps"],
        search=given["neighbours"],
    )
    outcomes = runner.run(cells, matched)
    print_summary(outcomes, given["out"], time.monotonic() - started)


def _check_early(given: dict[str, Any]) -> None:
    """Refuse wrong words before any image is read."""
    from benchmark.plan import parse_settings, take_shard
    from benchmark.registry import load_method

    for method in given["methods"]:
        load_method(method)
    parse_settings(given["methods"], given["settings"], given["experts"])
    numbers(given["seeds"], "--seeds")
    order_texts(given["order"])
    take_shard([], given["shard"])
    if given["shard"] and given["match_memory"]:
        raise UsageError(
            "--shard and --match-memory exclude each other: a matched cell needs the "
            "result of another, which may be in another shard"
        )
    if given["match_memory"] and given["match_memory"] not in given["methods"]:
        load_method(given["match_memory"])
        raise UsageError(
            f"--match-memory {given['match_memory']}: add "
            f"--method {given['match_memory']}, whose memory is to be matched"
        )
    if given["weights"] and not given["weights"].is_file():
        raise UsageError(f"--weights {given['weights']}: no such file")
    if given["embedding"]:
        from benchmark.features.backbones import embedding_params

        embedding_params(given["embedding"])


def _open_manifest(given: dict[str, Any], reporter: Reporter) -> Manifest:
    from benchmark.data.sources import open_dataset

    return open_dataset(
        given["dataset"],
        given["data_root"],
        names(given["categories"]),
        skip_unreadable=given["skip_unreadable"],
        cache=cache_root(),
        reporter=reporter,
    )


def _cells(
    given: dict[str, Any], manifest: Manifest
) -> tuple[list[Cell], list[Matched], Callable[[], Weights]]:
    from benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
    from benchmark.plan import Study, match_memory, parse_settings, plan, take_shard
    from benchmark.stream import resolve_order

    if given["cells_file"]:
        cells = _read_cells(given["cells_file"])
        backbone = cells[0].features.backbone
        random = cells[0].features.weights.startswith("random:")
        weights = find_weights(backbone, given["weights"], random=random)
        if any(cell.features != cells[0].features for cell in cells):
            raise UsageError(
                f"--cells {given['cells_file']}: its cells have different features; "
                "run each kind by itself"
            )
        if weights.name != cells[0].features.weights:
            raise UsageError(
                f"--cells {given['cells_file']}: made with other weights of "
                f"{backbone}; give them with --weights"
            )
        return take_shard(cells, given["shard"]), [], lambda: weights
    backbone = given["backbone"]
    if backbone is None:
        backbone = _PAPER_BACKBONE if manifest.name == "mvtec" else EMBEDDED_BACKBONE
    weights = find_weights(backbone, given["weights"], random=given["random_weights"])
    study = Study(
        manifest=manifest,
        features=_feature_spec(backbone, weights, given),
        schedule=given["schedule"],
        routing=given["routing"],
        unseen=given["unseen"],
        methods=tuple(dict.fromkeys(given["methods"])),
        sweep=parse_settings(given["methods"], given["settings"], given["experts"]),
        orders=tuple(resolve_order(t, manifest.categories) for t in order_texts(given["order"])),
        seeds=numbers(given["seeds"], "--seeds"),
    )
    cells, matched = plan(study), []
    if given["match_memory"]:
        cells, matched = match_memory(cells, given["match_memory"])
    return take_shard(cells, given["shard"]), matched, lambda: weights


def _feature_spec(backbone: str, weights: Weights, given: dict[str, Any]) -> FeatureSpec:
    from benchmark.data.preprocessing import Preprocessing
    from benchmark.features.backbones import STRIDES, default_embedding, embedding_params
    from benchmark.features.spec import FeatureSpec

    embedding = given["embedding"] or default_embedding(backbone)
    return FeatureSpec(
        backbone=backbone,
        weights=weights.name,
        layers=STRIDES,
        embedding=embedding,
        embedding_params=embedding_params(embedding),
        preprocessing=Preprocessing.for_image_size(given["image_size"]),
    )


def _read_cells(file: Path) -> list[Cell]:
    from benchmark.cell import Cell

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
    return [Cell.from_dict(values) for values in listed]


def _print_cells(cells: Sequence[Cell], matched: Sequence[Matched], output: str) -> None:
    if output == "json":
        if matched:
            raise UsageError(
                "--match-memory: its cells are known only after the reference has run,"
                " so they cannot be written with --format json"
            )
        click.echo(json.dumps([cell.as_dict() for cell in cells], indent=1))
        return
    for cell in cells:
        click.echo(f"{cell.key[:8]}  {cell.label()}")
    for pair in matched:
        click.echo(f"{'':8}  {pair.cell.method}, as much memory as {pair.reference.label()}")
    click.echo(f"{len(cells) + len(matched)} cells")
