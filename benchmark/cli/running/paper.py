"""`cadbench paper`: a paper's configuration run again, and its numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ....results.errors import UsageError
from ...system.did_you_mean import suggestion
from ..shared.options import names, numbers
from ..shared.output import print_tables
from ..shared.progress import choose_reporter
from ..shared.record_selection import format_option
from .cells import from_options, print_cells
from .engine import compute
from .run import check_early, open_manifest, options_of_run, shared_with_run

if TYPE_CHECKING:
    from ....results.papers.paper import Paper
    from ....results.records.record import Record

_OF_RUNNING = ("data_root", "weights", "random_weights", "device", "dry_run")
"""Options that mean nothing where nothing is run."""


@click.command(
    "paper",
    short_help="Run a paper's configuration and compare with its numbers.",
    params=shared_with_run(
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
    help="Compare the records that are in --out already; run nothing.",
)
@format_option
@click.pass_context
def command(context: click.Context, name: str, **given: Any) -> None:
    """Run the configuration of PAPER (mecad) on MVTec AD and compare with what it printed.

    Other features or fewer categories than the paper's are allowed, and every table says so;
    --set tries another reading of the paper.
    """
    from ....results.papers.reproduction import reproductions
    from ....results.papers.tables import reproduction_tables
    from ....results.rendering.table import Table

    paper = _paper(name)
    reporter = choose_reporter(-1 if given["quiet"] else int(given["verbose"]))
    wanted = options_of_run(**_configuration(paper, given))
    check_early(context, wanted)
    if given["compare_only"]:
        _refuse_running(context)
        records = list(_recorded(context, paper, given))
    else:
        manifest = open_manifest(wanted, None, reporter)
        planned = from_options(wanted, manifest)
        if given["dry_run"]:
            print_cells(planned, "text")
            return
        outcomes = compute(planned, manifest, wanted, reporter)
        records = [outcome.record for outcome in outcomes]
        computed = sum(not outcome.reused for outcome in outcomes)
        reporter.line(f"{len(records)} records ({computed} computed) in {given['out']}")
    tables: list[Table] = []
    for reproduction in reproductions(paper, records):
        if reproduction.differing:
            # CSV has no notes, and what follows must not be taken for the paper's configuration.
            reporter.warn(f"not the paper's configuration: {reproduction.differing}")
        tables += reproduction_tables(reproduction)
    print_tables(tables, given["output"])


def _paper(name: str) -> Paper:
    from ....results.papers.paper import load_paper, paper_names

    known = paper_names()
    if name not in known:
        raise UsageError(
            f"no paper {name!r}{suggestion(name, known)}; there are: {', '.join(known)}"
        )
    return load_paper(name)


def _configuration(paper: Paper, given: dict[str, Any]) -> dict[str, Any]:
    """The options of `cadbench run` that come to the paper's configuration, or near it."""
    ours = ("data_root", "categories", "weights", "random_weights", "seeds", "device", "out")
    backbone = given["backbone"] or paper.backbone
    return {
        **{option: given[option] for option in ours},
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
    """`--set` for each parameter of the paper, unless another reading of it is given.

    What belongs to the paper's features is left to the method on others.
    """
    yield from given["settings"]
    backbone = given["backbone"] or paper.backbone
    same = (backbone, _embedding(paper, backbone, given["embedding"])) == (
        paper.backbone,
        paper.embedding,
    )
    values = {**paper.params, **paper.sweep}
    if given["experts"] is not None:
        values["experts"] = given["experts"]
    for parameter, text in values.items():
        target = f"{paper.method}.{parameter}"
        replaced = any(setting.partition("=")[0].strip() == target for setting in given["settings"])
        if not replaced and (same or parameter not in paper.of_features):
            yield f"{target}={text}"


def _embedding(paper: Paper, backbone: str, embedding: str | None) -> str | None:
    """The paper's on its backbone; elsewhere what was given, or None for the backbone's own."""
    return embedding or (paper.embedding if backbone == paper.backbone else None)


def _refuse_running(context: click.Context) -> None:
    for option in context.command.params:
        if option.name in _OF_RUNNING and _given(context, option.name):
            raise UsageError(
                f"{option.opts[0]} and --compare-only exclude each other: nothing is run"
            )


def _recorded(context: click.Context, paper: Paper, given: dict[str, Any]) -> Iterator[Record]:
    """The records under --out of this configuration, narrowed by the options that were given."""
    from ..shared.record_selection import chosen_records

    seeds = numbers(given["seeds"], "--seeds") if _given(context, "seeds") else None
    categories = names(given["categories"])
    found = False
    for record in chosen_records(given["out"], None, None):
        features = record.cell["features"]
        on_these = {name: features[name] for name in ("backbone", "embedding")}
        if (
            _is_of(paper, record)
            and _has_params(paper, record, {**given, **on_these})
            and (seeds is None or record.seed in seeds)
            and (categories is None or set(record.categories) == set(categories))
            and all(given[name] in (None, features[name]) for name in on_these)
        ):
            found = True
            yield record
    if not found:
        raise UsageError(
            f"no records of this configuration under {given['out']}; run `cadbench paper "
            f"{paper.name}` without --compare-only, or give --out"
        )


def _is_of(paper: Paper, record: Record) -> bool:
    """Whether a record has the paper's method, data, stream and preprocessing."""
    from ...streams.schedule import canonical, experience_sizes

    cell = record.cell
    sizes = experience_sizes(paper.schedule, len(record.categories))
    return (record.method, cell["dataset"], record.order, record.routing, cell["schedule"]) == (
        *(paper.method, paper.dataset, paper.order, paper.routing),
        canonical(sizes),
    ) and (cell["preprocessing"]["crop"] == paper.image_size and not {"drift", "blend"} & set(cell))


def _has_params(paper: Paper, record: Record, given: dict[str, Any]) -> bool:
    """Whether the parameters are those of the configuration; None is `auto`, which fits any."""
    from ...plugins.methods import load_method
    from ...running.study import parse_settings

    settings = _settings(paper, given)
    tried = parse_settings([paper.method], settings, None)[paper.method]
    values = {name: [value] for name, value in load_method(paper.method).Params().as_dict().items()}
    values.update(tried)
    return record.params.keys() == values.keys() and all(
        None in values[name] or value in values[name] for name, value in record.params.items()
    )


def _given(context: click.Context, name: str | None) -> bool:
    source = context.get_parameter_source(name or "")
    return source is click.core.ParameterSource.COMMANDLINE
