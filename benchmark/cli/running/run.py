"""`cadbench run`: run and record methods x parameters x orders x seeds on one stream."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ...progress.choose_reporter import choose_reporter
from ..shared.options import (
    FiniteRange,
    categories_option,
    data_root_option,
    dataset_option,
    out_option,
    quiet_option,
    skip_option,
    verbose_option,
)
from .cell_plan import (
    open_manifest,
    plan_from_cells,
    plan_from_options,
    print_cells,
    read_cells_file,
)
from .engine import compute, engine_options
from .option_checks import check_options
from .protocol_options import apply_protocol, warn_of_unofficial_orders


@click.command("run", short_help="Run methods on a stream and record their scores.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME|MODULE:CLASS",
    default=("mecad",),
    show_default=True,
    help="Method to run; repeat the option for several methods.",
)
@click.option(
    "--experts",
    default=None,
    metavar="VALUES",
    help="Numbers of experts, such as 1-8; short for --set METHOD.experts=VALUES.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="METHOD.PARAM=VALUES",
    help="Set a parameter, or sweep it over several values such as 1-8 or 0.8,0.9 (see `cadbench "
    "methods`).",
)
@click.option(
    "--protocol",
    default=None,
    metavar="NAME|FILE",
    help="Use the data, stream, preprocessing and routing of a protocol (see `cadbench "
    "protocols`).",
)
@click.option("--seeds", default="0", show_default=True, metavar="N,N-N", help="Random seeds.")
@click.option(
    "--order",
    default="alphabetical",
    show_default=True,
    metavar="LIST",
    help="Orders of the categories: alphabetical, random:SEED, random:0-3, or a file with one "
    "category per line.",
)
@click.option(
    "--schedule",
    default="1x*",
    show_default=True,
    help="Categories per experience: 1x15, 14-1, 10-5, 3x5, 10-1x5; in 1x*, * is as many "
    "experiences as needed.",
)
@click.option(
    "--drift",
    default=None,
    metavar="LIST",
    help="After all categories, show each again under these drift domains, such as "
    "dark:2,blur:1 (see `cadbench domains`); --schedule groups these too.",
)
@click.option(
    "--blend",
    type=FiniteRange(min=0, max=1),
    default=0.0,
    show_default=True,
    help="Share of each category's training images that appear one experience early or late.",
)
@click.option(
    "--routing",
    type=click.Choice(["oracle", "inferred"]),
    default="oracle",
    show_default=True,
    help="Whether methods get the category of a test image (oracle) or not (inferred).",
)
@click.option(
    "--unseen",
    type=click.Choice(["next", "all", "none"]),
    default="next",
    show_default=True,
    help="Categories that are scored before they are introduced: those of the next experience, "
    "all, or none.",
)
@dataset_option
@data_root_option
@categories_option
@skip_option
@click.option(
    "--backbone",
    default=None,
    metavar="NAME",
    help="Backbone, a timm model [default: wide_resnet50_2 on MVTec AD, else the embedded "
    "tf_efficientnet_lite0].",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="File with backbone weights (.safetensors, .pth), used instead of a download.",
)
@click.option("--random-weights", is_flag=True, help="Use an untrained backbone; records say so.")
@click.option(
    "--embedding",
    default=None,
    metavar="NAME",
    help="Patch embedding, concat or official [default: depends on the backbone].",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=32, max=2048),
    default=224,
    show_default=True,
    help="Size of the center crop in pixels; images are first resized to 256/224 of it.",
)
@click.option(
    "--map-sigma",
    type=FiniteRange(min=0, max=1000),
    default=4.0,
    show_default=True,
    help="Sigma of the Gaussian smoothing of anomaly maps in pixels; 0 turns it off.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device to compute on; auto uses CUDA if it is available.",
)
@click.option(
    "--neighbors",
    type=click.Choice(["torch", "faiss"]),
    default="torch",
    show_default=True,
    help="Library for the nearest-neighbor search; scores are the same.",
)
@click.option(
    "--keep-distances",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="GB",
    help="Keep up to this many GB of neighbor distances in the cache folder, for later runs.",
)
@click.option(
    "--match-memory",
    default=None,
    metavar="METHOD",
    help="Give the other methods as much memory as this method uses at the end.",
)
@click.option(
    "--maps",
    type=click.Choice(["final", "all", "none"]),
    default="final",
    show_default=True,
    help="Anomaly maps to keep in records: after the last experience, after each, or none.",
)
@click.option(
    "--shard", default=None, metavar="I/N", help="Run only every N-th cell, starting at the I-th."
)
@click.option(
    "--cells",
    "cells_file",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Run the cells in this file, which --dry-run --format json printed.",
)
@out_option
@click.option(
    "--time",
    "timed",
    is_flag=True,
    help="Also measure update seconds and ms/image, with all caches off.",
)
@click.option("--overwrite", is_flag=True, help="Compute cells again that already have a record.")
@click.option("--dry-run", is_flag=True, help="Print the cells without running them.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format of --dry-run.",
)
@engine_options
@quiet_option
@verbose_option
@click.pass_context
def command(context: click.Context, **given: Any) -> None:
    """Run methods on a class-incremental stream.

    Finished cells are reused, and interrupted ones are resumed.
    """
    started = time.monotonic()
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    given = apply_protocol(context, given)
    check_options(context, given)
    listed_cells = read_cells_file(given["cells_file"]) if given["cells_file"] else None
    manifest = open_manifest(given, listed_cells, reporter)
    if listed_cells:
        plan = plan_from_cells(listed_cells, given["weights"], given["shard"])
    else:
        plan = plan_from_options(given, manifest)
        warn_of_unofficial_orders(given["protocol"], plan.cells, reporter)
    if given["dry_run"]:
        print_cells(plan, given["output"])
        return
    if not plan.cells:
        reporter.line(f"--shard {given['shard']} selects no cell of this run")
        return
    from ...running.engines.work import CellsFailed
    from .summary import print_summary

    try:
        outcomes = compute(plan, manifest, given, reporter)
    except CellsFailed as failed:
        if failed.outcomes:
            print_summary(failed.outcomes, given["out"], time.monotonic() - started)
        raise
    print_summary(outcomes, given["out"], time.monotonic() - started)


def run_options(**given: Any) -> dict[str, Any]:
    """All options of `cadbench run`: the given ones, and the defaults of the others."""
    return {**command.make_context("run", []).params, **given}


def options_of_run(*names: str) -> list[click.Parameter]:
    """Selected options of `cadbench run`, for another command that runs cells."""
    return [option for option in command.params if option.name in names]
