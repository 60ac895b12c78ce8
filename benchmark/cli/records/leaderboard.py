"""`cadbench leaderboard`: rank all records, on the terminal or as a Markdown page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ....results.sanitizing import printable
from ...plugins.default_params import default_params
from ..shared.options import out_option, parse_names, repeatable_command
from ..shared.readable_records import with_readable
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
    help="Metric to rank by (see `cadbench metrics`).",
)
@click.option(
    "--publish",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    help="Write the leaderboard to a Markdown page with all published numbers, instead of "
    "printing it.",
)
@click.option(
    "--keep-rows",
    is_flag=True,
    help="With --publish: keep rows of the existing FILE that have no local record, and mark them.",
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
    """Rank all records, in one table per protocol, dataset and routing.

    Published numbers with the same stream and definition follow below, grouped by how they were
    verified.
    """
    from ....results.analysis.quantities import full_name, quantity
    from ....results.leaderboard.boards import leaderboard
    from ....results.leaderboard.page import leaderboard_page
    from ....results.published.rows import load_published

    sort = full_name(sort)
    quantity(sort)
    if publish is not None and output != "auto":
        raise UsageError("--publish always writes Markdown; remove --format")
    if keep_rows and publish is None:
        raise UsageError("--keep-rows needs --publish FILE, whose rows it keeps")
    records = select_records(out, parse_names(methods), protocol)
    published = load_published()
    if publish is None:
        tables, _ = with_readable(
            records,
            lambda readable: leaderboard(
                readable, sort=sort, defaults=default_params(readable), published=published
            ),
        )
        print_tables(tables, output, more="`--format markdown` or a wider terminal shows them")
        return
    from ....results.storage.files import write_bytes

    earlier = _earlier(publish) if keep_rows else None
    options = {"--methods": methods, "--protocol": protocol, "--sort": sort != "acc" and sort}
    words = ["cadbench", "leaderboard", "--publish", publish]
    made_with = repeatable_command(words, {**options, "--out": out})
    made_with += " --keep-rows" * keep_rows
    page, records = with_readable(
        records,
        lambda readable: leaderboard_page(
            readable,
            published,
            made_with,
            sort=sort,
            defaults=default_params(readable),
            earlier=earlier,
        ),
    )
    write_bytes(publish, page.encode("utf-8", "backslashreplace"))
    count = format_count(len(records), "record")
    click.echo(printable(f"leaderboard of {count} written to {publish}"))


def _earlier(page: Path) -> EarlierPage:
    from ....results.leaderboard.earlier_page import read_page

    try:
        text = page.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--keep-rows: cannot read {page}: {error}") from None
    return read_page(text, str(page))
