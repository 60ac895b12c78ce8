"""`cadbench run`: run and record methods x parameters x orders x seeds on one stream."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ...progress.choose_reporter import choose_reporter
from ...streams.settings import SETTINGS
from ..shared.options import (
    FiniteRange,
    categories_option,
    data_root_option,
    dataset_option,
    device_option,
    is_given,
    out_option,
    quiet_option,
    skip_option,
    verbose_option,
)
from .engine import engine_options
from .study_options import (
    SettingsCommand,
    execution_from_options,
    option_names,
    stream_options,
    study_from_file,
    study_from_options,
    study_options,
)

GROUPS = {
    "Experiment": (
        *("methods", "experts", "settings", "tune", "tune_on", "protocol", "seeds", "orders"),
        *(*SETTINGS, "match_memory"),
    ),
    "Data": ("dataset", "data_root", "categories", "skip_unreadable"),
    "Features": (
        *("backbone", "weights", "random_weights", "layers", "embedding", "image_size", "resize"),
        "map_sigma",
    ),
    "Execution": (
        *("device", "jobs", "engine", "address", "cell_cpus", "cell_gpus"),
        *("keep_distances", "timed", "overwrite", "shard", "cells_file"),
    ),
    "Output": ("out", "maps", "keep_state", "save", "dry_run", "output", "quiet", "verbose"),
}
"""Heading of the help -> the parameters below it."""

_WITH_CELLS = {"cells_file", "dataset", "data_root", "categories", "skip_unreadable", "weights"}
"""Options of the study that can be combined with `--cells`; the others are part of the cells."""


@click.command(
    "run",
    cls=SettingsCommand,
    groups=GROUPS,
    short_help="Run methods on a stream and record their scores.",
)
@click.argument(
    "study_file",
    required=False,
    type=click.Path(path_type=Path),
    metavar="[STUDY.toml]",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME|MODULE:CLASS",
    help="Method to run; repeat the option for several methods [default: mecad].",
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
    metavar="[METHOD.]PARAM=VALUES",
    help="Set a parameter, or sweep it over several values such as 1-8 or 0.8,0.9 (see `cadbench "
    "methods`). METHOD may be left out if only one has the parameter.",
)
@click.option(
    "--tune",
    multiple=True,
    metavar="[METHOD.]PARAM=VALUES",
    help="Choose a value of a parameter on held-out training images with drawn defects, and run "
    "it; no test image is used (docs/tuning.md).",
)
@click.option(
    "--tune-on",
    default=None,
    metavar="NAME|FILE",
    help="Choose the values of --tune on the training images of this protocol.",
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
    "orders",
    default="alphabetical",
    show_default=True,
    metavar="LIST",
    help="Orders of the categories: alphabetical, random:SEED, random:0-3, easy_to_hard or "
    "hard_to_easy (by the AUROC of per_category records in --out, or with :published of PatchCore "
    "as published), or a file with one category per line.",
)
@stream_options
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
    "--layers",
    default=None,
    metavar="LIST",
    help="Layers of the backbone: strides such as 8,16, blocks of a transformer such as "
    "block:5,block:11, or names such as layer2,layer3 [default: depends on the backbone].",
)
@click.option(
    "--embedding",
    default=None,
    metavar="NAME",
    help="Patch embedding: concat, official or tokens [default: depends on the backbone].",
)
@click.option(
    "--image-size",
    type=click.IntRange(min=32, max=2048),
    default=224,
    show_default=True,
    help="Side of the square that images become, in pixels.",
)
@click.option(
    "--resize",
    type=click.Choice(["crop", "pad", "squash"]),
    default="crop",
    show_default=True,
    help="How images become squares: crop resizes the shorter side to 256/224 of the size and cuts "
    "out the middle, pad adds black borders, squash changes the aspect ratio.",
)
@click.option(
    "--map-sigma",
    type=FiniteRange(min=0, max=1000),
    default=4.0,
    show_default=True,
    help="Sigma of the Gaussian smoothing of anomaly maps in pixels; 0 turns it off.",
)
@device_option
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
    "--keep-state",
    is_flag=True,
    help="Keep the final state of each method in its record, for `cadbench score`.",
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
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Also write the study to this TOML file; `cadbench run FILE` repeats it.",
)
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

    Finished cells are reused, and interrupted ones are resumed. Everything may be given by options,
    or by a study file that --save wrote.

    \b
    cadbench run --method mecad --experts 1-8
    cadbench run --method mecad --method patchcore --seeds 0-2 --save study.toml
    cadbench run study.toml --data-root /data/mvtec
    """
    from ...running.engines.work import CellsFailed
    from ...study.estimate import estimate
    from ...study.execution import execute
    from ...study.plan import check_weights
    from .plan_output import print_plan
    from .settings import take_shard
    from .summary import print_summary

    started = time.monotonic()
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    _check_combinations(context, given)
    take_shard([], given["shard"])
    execution = execution_from_options(given)
    own_weights = given["weights"] is not None
    if given["cells_file"]:
        from .listed_cells import plan_listed_cells, read_cells_file

        plan = plan_listed_cells(read_cells_file(given["cells_file"]), given, reporter)
    else:
        make = study_from_file if given["study_file"] else study_from_options
        study = make(context, given)
        own_weights = study.weights is not None
        if study.match_memory and given["shard"]:
            raise UsageError(
                "--shard and --match-memory exclude each other: a matched cell needs the result of "
                "another cell, which may be in another shard"
            )
        if study.tune and given["shard"]:
            raise UsageError(
                "--shard and --tune exclude each other: the value is chosen before cells are split"
            )
        with option_names():
            plan = study.plan(reporter, execution.out)
        if given["save"]:
            study.save(given["save"])
    plan = dataclasses.replace(plan, cells=take_shard(plan.cells, given["shard"]))
    if given["dry_run"]:
        if own_weights:
            check_weights(plan)
        left = estimate(
            plan,
            execution.out,
            maps=execution.maps,
            timed=execution.timed,
            keep_state=execution.keep_state,
        )
        print_plan(plan, left, given["output"])
        return
    if not plan.cells and not plan.tunings:
        reporter.line(f"--shard {given['shard']} selects no cell of this run")
        return
    try:
        outcomes = execute(plan, execution, reporter)
    except CellsFailed as failed:
        if failed.outcomes:
            print_summary(failed.outcomes, given["out"], time.monotonic() - started)
        raise
    print_summary(outcomes, given["out"], time.monotonic() - started)


def options_of_run(*names: str) -> list[click.Parameter]:
    """Selected options of `cadbench run`, for another command that runs cells."""
    return [option for option in command.params if option.name in names]


def _check_combinations(context: click.Context, given: dict[str, Any]) -> None:
    """Refuse options that exclude each other."""
    if given["output"] != "text" and not given["dry_run"]:
        raise UsageError(f"--format {given['output']} needs --dry-run")
    if not given["cells_file"]:
        return
    if given["study_file"] or given["save"]:
        raise UsageError("--cells is a list of cells: it cannot be combined with a study file")
    for name, option in study_options(context.command).items():
        if is_given(context, name) and name not in _WITH_CELLS:
            raise UsageError(
                f"{option} and --cells exclude each other: the value of {option} is part of each "
                "cell"
            )
