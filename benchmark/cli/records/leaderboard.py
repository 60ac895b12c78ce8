"""`cadbench leaderboard`: all records, best first, on the terminal or as a page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.errors import UsageError
from ....results.sanitizing import printable
from ..shared.default_params import default_params
from ..shared.options import DEFAULT_OUT, out_option, parse_names, shareable_path
from ..shared.record_selection import format_option, methods_option, protocol_option, select_records
from ..shared.table_output import print_tables

if TYPE_CHECKING:
    from ....results.leaderboard.earlier_page import EarlierPage


@click.command("leaderboard")
@methods_option
@protocol_option
@click.option(
    "--sort",
    default="acc",
    show_default=True,
    metavar="METRIC",
    help="Which metric ranks (see `cadbench metrics`).",
)
@click.option(
    "--publish",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Write it as a page of Markdown, with all published numbers, instead of printing it.",
)
@click.option(
    "--keep-rows",
    is_flag=True,
    help="With --publish: rows that FILE has and no record at hand gives stay, marked as such.",
)
@format_option
@out_option
def command(
    methods: str | None,
    protocol: str | None,
    sort: str,
    publish: Path | None,
    keep_rows: bool,
    output: str,
    out: Path,
) -> None:
    """Rank all records: a table for each protocol, dataset and routing.

    Published numbers of the same stream and definition stand below, in tiers by how they were
    checked.
    """
    from ....results.analysis.quantities import full_name, quantity
    from ....results.leaderboard.boards import leaderboard
    from ....results.leaderboard.page import leaderboard_page
    from ....results.published.rows import load_published

    sort = full_name(sort)
    quantity(sort)
    if publish is not None and output != "auto":
        raise UsageError("--publish writes Markdown; leave --format out")
    if keep_rows and publish is None:
        raise UsageError("--keep-rows goes with --publish FILE, whose rows it keeps")
    records = select_records(out, parse_names(methods), protocol)
    published, defaults = load_published(), default_params(records)
    if publish is None:
        tables = leaderboard(records, sort=sort, defaults=defaults, published=published)
        print_tables(tables, output)
        return
    from ....results.storage.files import write_bytes

    earlier = _earlier(publish) if keep_rows else None
    given = {"--methods": methods, "--protocol": protocol, "--sort": sort != "acc" and sort}
    made_by = _command(publish, {**given, "--out": out != DEFAULT_OUT and shareable_path(out)})
    made_by += " --keep-rows" * keep_rows
    page = leaderboard_page(
        records, published, made_by, sort=sort, defaults=defaults, earlier=earlier
    )
    write_bytes(publish, page.encode("utf-8", "backslashreplace"))
    click.echo(printable(f"leaderboard of {len(records)} records written to {publish}"))


def _earlier(page: Path) -> EarlierPage:
    from ....results.leaderboard.earlier_page import read_page

    try:
        text = page.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--keep-rows: cannot read {page}: {error}") from None
    return read_page(text, str(page))


def _command(publish: Path, given: dict[str, object]) -> str:
    words = ["cadbench", "leaderboard", "--publish", shareable_path(publish)]
    for option, value in given.items():
        words += [option, str(value)] if value else []
    return shlex.join(words)
