"""`cadbench run`: methods x parameters x orders x seeds on one stream, each recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...system.cache import cache_root
from ...system.reporting import Reporter
from ..shared.options import (
    FiniteRange,
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
from ..shared.progress import choose_reporter
from .cells import from_cells, from_options, print_cells, read_cells
from .engine import ENGINE, check_engine, compute, engine_options
from .protocol_options import under_protocol, warn_of_other_orders

if TYPE_CHECKING:
    from ...data.manifest import Manifest
    from ...running.cell import Cell

_WITH_CELLS = {"cells_file", "dataset", "data_root", "categories", "skip_unreadable", "weights",
               "device", "neighbors", "keep_distances", "maps", "shard", "out", "overwrite",
               "dry_run", "output", "quiet", "verbose", *ENGINE}  # fmt: skip
"""Options that go with `--cells`; the others are part of the cells themselves."""


@click.command("run", short_help="Run methods on a stream and record what they score.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME|MODULE:CLASS",
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
@click.option(
    "--protocol",
    default=None,
    metavar="NAME|FILE",
    help="Data, stream, preprocessing and routing of a protocol (see `cadbench protocols`).",
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
    "--drift",
    default=None,
    metavar="LIST",
    help="Domains under which every category returns, such as dark:2,blur:1 (see `cadbench "
    "domains`); --schedule then groups the returns too.",
)
@click.option(
    "--blend",
    type=FiniteRange(min=0, max=1),
    default=0.0,
    show_default=True,
    help="Share of a category's training images that come one experience early or late.",
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
    "--map-sigma",
    type=FiniteRange(min=0, max=1000),
    default=4.0,
    show_default=True,
    help="Smoothing of anomaly maps in pixels, for pixel metrics; 0 is none.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--neighbors",
    type=click.Choice(["torch", "faiss"]),
    default="torch",
    show_default=True,
    help="Library of the neighbor search; the scores are the same.",
)
@click.option(
    "--keep-distances",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="GB",
    help="Keep neighbor distances in the cache folder for later runs, at most so many GB of them.",
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
@click.option(
    "--time",
    "timed",
    is_flag=True,
    help="Also measure update seconds and ms/image with all caches off.",
)
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
@engine_options
@quiet_option
@verbose_option
@click.pass_context
def command(context: click.Context, **given: Any) -> None:
    """Run methods on a class-incremental stream; finished cells are reused, begun ones resumed."""
    started = time.monotonic()
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    given = under_protocol(context, given)
    check_early(context, given)
    listed = read_cells(given["cells_file"]) if given["cells_file"] else None
    manifest = open_manifest(given, listed, reporter)
    if listed:
        planned = from_cells(listed, given["weights"], given["shard"])
    else:
        planned = from_options(given, manifest)
        warn_of_other_orders(given["protocol"], planned.cells, reporter)
    if given["dry_run"]:
        print_cells(planned, given["output"])
        return
    if not planned.cells:
        reporter.line(f"--shard {given['shard']} holds no cell of this run")
        return
    from ...running.engines.work import CellsFailed
    from .summary import print_summary

    try:
        outcomes = compute(planned, manifest, given, reporter)
    except CellsFailed as failed:
        if failed.outcomes:
            print_summary(failed.outcomes, given["out"], time.monotonic() - started)
        raise
    print_summary(outcomes, given["out"], time.monotonic() - started)


def options_of_run(**given: Any) -> dict[str, Any]:
    """The options of `cadbench run`: those given, the others at their defaults."""
    return {**command.make_context("run", []).params, **given}


def shared_with_run(*names: str) -> list[click.Parameter]:
    """Options of `cadbench run` for another command that runs cells."""
    return [option for option in command.params if option.name in names]


def check_early(context: click.Context, given: dict[str, Any]) -> None:
    """Refuse wrong words before any image is read."""
    from ...data.drift.domains import parse_domains
    from ...plugins.methods import load_method
    from ...plugins.requirements import check_recurring, check_routing
    from ...running.study import parse_settings, take_shard

    if given["cells_file"]:
        _refuse_beside_cells(context)
    parse_domains(names(given["drift"]) or ())
    for method in given["methods"]:
        kind, routing = load_method(method), given["routing"]
        check_routing(method, kind, routing)
        drift, blend = bool(given["drift"]), bool(given["blend"])
        check_recurring(method, kind, routing, drift=drift, blend=blend)
    parse_settings(given["methods"], given["settings"], given["experts"])
    numbers(given["seeds"], "--seeds")
    order_texts(given["order"])
    take_shard([], given["shard"])
    check_engine(given)
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
    if given["output"] != "text" and not given["dry_run"]:
        raise UsageError(f"--format {given['output']} is for --dry-run; add it")
    if given["device"] == "cuda":
        from ...running.runner import choose_device

        choose_device("cuda")
    if given["weights"] and not given["weights"].is_file():
        raise UsageError(f"--weights {given['weights']}: no such file")
    if given["embedding"]:
        from ...features.backbones import embedding_params

        embedding_params(given["embedding"])


def _refuse_beside_cells(context: click.Context) -> None:
    """A cell is whole: an option that seems to change it would be a trap."""
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if source is click.core.ParameterSource.COMMANDLINE and name not in _WITH_CELLS:
            raise UsageError(
                f"{option.opts[0]} and --cells exclude each other: a cell holds all that "
                f"{option.opts[0]} says"
            )


def open_manifest(
    given: dict[str, Any], listed: Sequence[Cell] | None, reporter: Reporter
) -> Manifest:
    """The images that the options or the listed cells name."""
    from ...data.opening.sources import open_dataset

    categories = names(given["categories"])
    if listed and categories is None:
        categories = listed[0].order.categories
    return open_dataset(
        given["dataset"],
        given["data_root"],
        categories,
        skip_unreadable=given["skip_unreadable"],
        cache=cache_root(),
        reporter=reporter,
        required_by=given["protocol"] and f"protocol {given['protocol'].where}",
    )
