"""`cadbench paper`: repeat a paper's configuration and compare with its published numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ...progress.choose_reporter import choose_reporter
from ..shared.counts import format_count
from ..shared.options import is_given, parse_names, parse_numbers
from ..shared.record_selection import format_option
from ..shared.table_output import print_tables
from .cell_plan import open_manifest, plan_from_options, print_cells
from .engine import compute
from .option_checks import check_options
from .run import options_of_run, run_options

if TYPE_CHECKING:
    from ....results.papers.paper import Paper
    from ....results.records.record import Record

_RUN_ONLY = ("data_root", "weights", "random_weights", "device", "dry_run")
"""Options that have no effect if nothing is run."""


@click.command(
    "paper",
    short_help="Run a paper's configuration and compare with its numbers.",
    params=options_of_run(
        *("data_root", "categories", "backbone", "weights", "random_weights", "embedding"),
        *("settings", "seeds", "device", "out", "dry_run", "quiet", "verbose"),
    ),
)
@click.argument("name", metavar="PAPER")
@click.option(
    "--experts",
    default=None,
    metavar="VALUES",
    help="Numbers of experts, such as 1-8 [default: the paper's].",
)
@click.option(
    "--compare-only",
    is_flag=True,
    help="Compare existing records in --out; run nothing.",
)
@format_option
@click.pass_context
def command(context: click.Context, name: str, **given: Any) -> None:
    """Run the configuration of PAPER (mecad) on MVTec AD and compare with its published numbers.

    You may use other features or fewer categories than the paper; the tables then say so. --set
    tries another interpretation of the paper.
    """
    from ....results.papers.reproduction import reproductions
    from ....results.papers.tables import reproduction_tables
    from ....results.rendering.table import Table

    paper = _paper(name)
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    options = run_options(**_configuration(paper, given))
    check_options(context, options)
    if given["compare_only"]:
        _check_compare_only(context)
        records = list(_matching_records(context, paper, given))
    else:
        manifest = open_manifest(options, None, reporter)
        plan = plan_from_options(options, manifest)
        if given["dry_run"]:
            print_cells(plan, "text")
            return
        outcomes = compute(plan, manifest, options, reporter)
        records = [outcome.record for outcome in outcomes]
        computed = sum(not outcome.reused for outcome in outcomes)
        reporter.line(
            f"{format_count(len(records), 'record')} in {given['out']}/ ({computed} computed, "
            f"{len(records) - computed} reused)"
        )
    tables: list[Table] = []
    for reproduction in reproductions(paper, records):
        if reproduction.differing:
            # CSV has no notes, so warn that this is not the paper's configuration.
            reporter.warn(f"not the paper's configuration: {reproduction.differing}")
        tables += reproduction_tables(reproduction)
    print_tables(tables, given["output"])


def _paper(name: str) -> Paper:
    from ....results.papers.paper import load_paper, paper_names

    papers = paper_names()
    if name not in papers:
        raise UsageError(
            f"unknown paper {name!r}{suggestion(name, papers)}; available: {', '.join(papers)}"
        )
    return load_paper(name)


def _configuration(paper: Paper, given: dict[str, Any]) -> dict[str, Any]:
    """The options of `cadbench run` for the paper's configuration, with the user's changes."""
    passed_on = ("data_root", "categories", "weights", "random_weights", "seeds", "device", "out")
    backbone = given["backbone"] or paper.backbone
    return {
        **{option: given[option] for option in passed_on},
        "methods": (paper.method,),
        "dataset": paper.dataset,
        "schedule": paper.schedule,
        "order": paper.order,
        "routing": paper.routing,
        "image_size": paper.image_size,
        "backbone": backbone,
        "embedding": _embedding(paper, backbone, given["embedding"]),
        "settings": tuple(_settings(paper, given)),
        "experts": None,
    }


def _settings(paper: Paper, given: dict[str, Any]) -> Iterator[str]:
    """The user's `--set` options, then one per parameter of the paper that they do not set.

    On other features than the paper's, parameters that depend on the features keep the method's
    defaults.
    """
    yield from given["settings"]
    backbone = given["backbone"] or paper.backbone
    same_features = (backbone, _embedding(paper, backbone, given["embedding"])) == (
        paper.backbone,
        paper.embedding,
    )
    values = {**paper.params, **paper.sweep}
    if given["experts"] is not None:
        values["experts"] = given["experts"]
    for parameter, text in values.items():
        target = f"{paper.method}.{parameter}"
        replaced = any(setting.partition("=")[0].strip() == target for setting in given["settings"])
        if not replaced and (same_features or parameter not in paper.of_features):
            yield f"{target}={text}"


def _embedding(paper: Paper, backbone: str, embedding: str | None) -> str | None:
    """The given embedding, or the paper's on its backbone, or None for the backbone's default."""
    return embedding or (paper.embedding if backbone == paper.backbone else None)


def _check_compare_only(context: click.Context) -> None:
    for option in context.command.params:
        if option.name in _RUN_ONLY and is_given(context, option):
            raise UsageError(
                f"{option.opts[0]} and --compare-only exclude each other: nothing is run"
            )


def _matching_records(
    context: click.Context, paper: Paper, given: dict[str, Any]
) -> Iterator[Record]:
    """The records of this configuration in --out that also match the options given."""
    from ..shared.record_selection import select_records

    seeds = parse_numbers(given["seeds"], "--seeds") if is_given(context, "seeds") else None
    categories = parse_names(given["categories"])
    found = False
    for record in select_records(given["out"], None, None):
        features = record.cell["features"]
        feature_names = {name: features[name] for name in ("backbone", "embedding")}
        if (
            _has_stream(paper, record)
            and _has_params(paper, record, {**given, **feature_names})
            and (seeds is None or record.seed in seeds)
            and (categories is None or set(record.categories) == set(categories))
            and all(given[name] in (None, features[name]) for name in feature_names)
        ):
            found = True
            yield record
    if not found:
        raise UsageError(
            f"no records of this configuration in {given['out']}; run `cadbench paper "
            f"{paper.name}` without --compare-only, or choose the folder with --out"
        )


def _has_stream(paper: Paper, record: Record) -> bool:
    """Whether a record has the paper's method, dataset, stream and preprocessing."""
    from ...streams.schedule import canonical, experience_sizes

    cell = record.cell
    sizes = experience_sizes(paper.schedule, len(record.categories))
    return (record.method, cell["dataset"], record.order, record.routing, cell["schedule"]) == (
        *(paper.method, paper.dataset, paper.order, paper.routing),
        canonical(sizes),
    ) and (cell["preprocessing"]["crop"] == paper.image_size and not {"drift", "blend"} & set(cell))


def _has_params(paper: Paper, record: Record, given: dict[str, Any]) -> bool:
    """Whether a record has the configuration's parameters; None (`auto`) matches any value."""
    from ...plugins.methods import load_method
    from .settings import parse_settings

    settings = _settings(paper, given)
    tried = parse_settings([paper.method], settings, None)[paper.method]
    values = {name: [value] for name, value in load_method(paper.method).Params().as_dict().items()}
    values.update(tried)
    return record.params.keys() == values.keys() and all(
        None in values[name] or value in values[name] for name, value in record.params.items()
    )
