"""`cadbench paper`: repeat a paper's configuration and compare with its published numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ....results.counts import format_count
from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ....results.records.schema import STREAM_OPTIONS
from ...progress.choose_reporter import choose_reporter
from ..shared.options import is_given
from ..shared.record_selection import format_option
from ..shared.table_output import print_tables
from .plan_output import print_plan
from .run import options_of_run
from .settings import parse_settings
from .study_options import option_names

if TYPE_CHECKING:
    from ....results.papers.paper import Paper
    from ....results.records.record import Record
    from ...study.execution import Execution
    from ...study.plan import Plan
    from ...study.study import Study
    from ...system.reporting import Reporter

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
    from ...study.estimate import estimate
    from ...study.execution import Execution

    paper = _paper(name)
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    study = _study(paper, context, given)
    execution = Execution(out=given["out"], device=given["device"])
    if given["compare_only"]:
        _check_compare_only(context)
        records = list(_matching_records(study, paper, context, given))
    else:
        with option_names():
            plan = study.plan(reporter, execution.out)
        if given["dry_run"]:
            print_plan(plan, estimate(plan, execution.out), "text")
            return
        records = _compute(plan, execution, reporter)
    tables: list[Table] = []
    for reproduction in reproductions(paper, records):
        if reproduction.differing:
            # CSV has no notes, so warn that this is not the paper's configuration.
            reporter.warn(f"not the paper's configuration: {reproduction.differing}")
        tables += reproduction_tables(reproduction)
    print_tables(tables, given["output"])


def _compute(plan: Plan, execution: Execution, reporter: Reporter) -> list[Record]:
    from ...study.execution import execute

    outcomes = execute(plan, execution, reporter)
    computed = sum(not outcome.reused for outcome in outcomes)
    reporter.line(
        f"{format_count(len(outcomes), 'record')} in {execution.out}/ ({computed} computed, "
        f"{len(outcomes) - computed} reused)"
    )
    return [outcome.record for outcome in outcomes]


def _paper(name: str) -> Paper:
    from ....results.papers.paper import load_paper, paper_names

    papers = paper_names()
    if name not in papers:
        raise UsageError(
            f"unknown paper {name!r}{suggestion(name, papers)}; available: {', '.join(papers)}"
        )
    return load_paper(name)


def _study(paper: Paper, context: click.Context, given: Mapping[str, Any]) -> Study:
    """The paper's configuration as a study, with the user's changes."""
    from ...study.study import Study

    passed_on = ("data_root", "categories", "weights", "random_weights", "seeds")
    backbone = given["backbone"] or paper.backbone
    with option_names():
        return Study(
            methods={paper.method: _params(paper, given)},
            dataset=paper.dataset,
            schedule=paper.schedule,
            orders=paper.order,
            routing=paper.routing,  # type: ignore[arg-type]
            image_size=paper.image_size,
            backbone=backbone,
            embedding=_embedding(paper, backbone, given["embedding"]),
            **{option: given[option] for option in passed_on if is_given(context, option)},
        )


def _params(paper: Paper, given: Mapping[str, Any]) -> dict[str, Any]:
    """The user's `--set` and `--experts`, and the paper's values of all other parameters.

    On other features than the paper's, parameters that depend on the features keep the method's
    defaults.
    """
    by_user = parse_settings([paper.method], given["settings"], None).get(paper.method, {})
    if given["experts"] is not None and "experts" not in by_user:
        by_user |= parse_settings([paper.method], (), given["experts"])[paper.method]
    backbone = given["backbone"] or paper.backbone
    same_features = (backbone, _embedding(paper, backbone, given["embedding"])) == (
        paper.backbone,
        paper.embedding,
    )
    by_paper = {
        name: text
        for name, text in {**paper.params, **paper.sweep}.items()
        if same_features or name not in paper.of_features
    }
    return {**by_paper, **by_user}


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
    study: Study, paper: Paper, context: click.Context, given: Mapping[str, Any]
) -> Iterator[Record]:
    """The records of this configuration in --out that also match the options given."""
    from ..shared.record_selection import select_records

    settings = study.settings
    seeds = settings.seeds if is_given(context, "seeds") else None
    found = False
    for record in select_records(given["out"], None, None):
        features = record.cell["features"]
        features = {name: features[name] for name in ("backbone", "embedding")}
        if (
            _has_stream(paper, record)
            and _has_params(paper, record, {**given, **features})
            and (seeds is None or record.seed in seeds)
            and (settings.categories is None or set(record.categories) == set(settings.categories))
            and all(given[name] in (None, features[name]) for name in features)
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
    ) and (
        cell["preprocessing"]["crop"] == paper.image_size
        and "mode" not in cell["preprocessing"]
        and not set(STREAM_OPTIONS) & set(cell)
    )


def _has_params(paper: Paper, record: Record, given: Mapping[str, Any]) -> bool:
    """Whether a record has the configuration's parameters; None (`auto`) matches any value.

    Args:
        paper: the paper.
        record: the record.
        given: the options, with the backbone and embedding of the record.
    """
    from ...plugins.methods import load_method
    from ...study.values import methods

    tried = (methods("methods", {paper.method: _params(paper, given)}) or {})[paper.method]
    defaults = load_method(paper.method).Params().as_dict()
    values = {name: (value,) for name, value in defaults.items()} | tried
    return record.params.keys() == values.keys() and all(
        None in values[name] or value in values[name] for name, value in record.params.items()
    )
