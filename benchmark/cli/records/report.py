"""`cadbench report`: write all records to one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ....results.sanitizing import printable
from ...plugins.default_params import default_params
from ..shared.messages import echo
from ..shared.options import (
    data_root_option,
    dataset_option,
    out_option,
    parse_names,
    quiet_option,
    repeatable_command,
)
from ..shared.readable_records import with_readable
from ..shared.record_selection import methods_option, protocol_option, select_records

if TYPE_CHECKING:
    from ....results.records.record import Record
    from ....results.report.gallery import Gallery
    from ...data.opening.locations import DataRoots


@click.command("report")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    metavar="FILE",
    help="File to write.",
)
@click.option(
    "--images",
    is_flag=True,
    help="Add sample images with their anomaly maps; needs the records' dataset.",
)
@dataset_option
@data_root_option
@methods_option
@protocol_option
@quiet_option
@out_option
def command(
    target: Path,
    images: bool,
    dataset: str,
    data_root: Path | DataRoots | None,
    methods: str | None,
    protocol: str | None,
    quiet: bool,
    out: Path,
) -> None:
    """Write leaderboards, figures and a page for every run to one HTML file.

    The file is self-contained: open it in a browser, or send it to others.
    """
    from ....results.published.rows import load_published
    from ....results.report.page import NO_IMAGES, report_page
    from ....results.storage.files import write_bytes

    if not images and (data_root is not None or dataset != "auto"):
        raise UsageError("--dataset and --data-root are only used with --images; add it")
    records = select_records(out, parse_names(methods), protocol)

    options = {"--methods": methods, "--protocol": protocol, "--out": out}
    made_with = repeatable_command(["cadbench", "report", "--to", target], options)
    made_with += " --images" * images

    def make(readable: list[Record]) -> tuple[str, list[str]]:
        galleries, missing = (
            _galleries(readable, dataset, data_root, quiet) if images else ([], [NO_IMAGES])
        )
        text = report_page(
            readable,
            published=load_published(),
            defaults=default_params(readable),
            galleries=galleries,
            no_images=" ".join(missing),
            command=made_with,
        )
        return text, missing

    (text, missing), records = with_readable(records, make)
    page = text.encode("utf-8", "backslashreplace")
    write_bytes(target, page)
    for line in missing:
        echo(f"{'warning: ' * images}{line}", err=True)
    click.echo(
        printable(
            f"report of {format_count(len(records), 'record')} written to {target} "
            f"({len(page) / 1e6:.1f} MB)"
        )
    )


def _galleries(
    records: list[Record], dataset: str, data_root: Path | DataRoots | None, quiet: bool
) -> tuple[list[Gallery], list[str]]:
    """Sample images per leaderboard, and a message for each leaderboard without any."""
    from ....results.leaderboard.boards import boards
    from ...data.opening.open_dataset import open_dataset
    from ...progress.choose_reporter import choose_reporter
    from ...recorded_images.report_thumbnails import make_galleries
    from ...system.cache import cache_root

    manifest = open_dataset(
        dataset,
        data_root,
        None,
        skip_unreadable=True,
        cache=cache_root(),
        reporter=choose_reporter(-1 if quiet else 0),
    )
    return make_galleries(boards(records), manifest)
