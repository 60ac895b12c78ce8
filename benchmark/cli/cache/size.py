"""`cadbench cache size`: how large the cache is, by kind."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...system.cache import cache_root
from ...system.cache.contents import KINDS, CacheEntry, hub_folder, hub_weights_size, list_entries
from ..shared.messages import echo
from ..shared.options import list_format_option
from ..shared.units import format_age, format_size

if TYPE_CHECKING:
    from ....results.rendering.table import Table


@click.command("size")
@list_format_option("json")
def command(output: str) -> None:
    """Show the size of the cache by kind, with the number of files and the last use."""
    cache = cache_root()
    entries = list_entries(cache)
    if output == "json":
        click.echo(json.dumps(_as_json(cache, entries), indent=2))
        return
    from ..shared.table_output import print_tables

    print_tables([entry_table(f"Cache {cache}", entries)], output)
    if weights := hub_weights_size():
        click.echo()
        echo(
            f"backbone weights: {format_size(weights)} in {hub_folder()}, which belongs to the "
            "Hugging Face client and is never pruned"
        )


def entry_table(title: str, entries: Sequence[CacheEntry]) -> Table:
    """One row per kind that has entries, and their sum."""
    from ....results.rendering.table import Column, Table, Value, text_column

    rows: list[tuple[Value, ...]] = []
    for kind, group in _by_kind(entries).items():
        rows.append((kind, KINDS[kind], *_summary(group)))
    if len(rows) != 1:
        rows.append(("total", "", *_summary(entries)))
    columns = (
        text_column("kind"),
        text_column("contents"),
        Column("files"),
        Column("size"),
        Column("last use"),
    )
    return Table(title, columns, tuple(rows))


def _summary(entries: Sequence[CacheEntry]) -> tuple[int, str, str]:
    """Number of files, size, and the time since the last use."""
    last = max((entry.used for entry in entries), default=None)
    age = "" if last is None else f"{format_age(time.time() - last)} ago"
    return sum(entry.files for entry in entries), format_size(_total(entries)), age


def _total(entries: Sequence[CacheEntry]) -> int:
    return sum(entry.size for entry in entries)


def _by_kind(entries: Sequence[CacheEntry]) -> dict[str, list[CacheEntry]]:
    groups = {kind: [entry for entry in entries if entry.kind == kind] for kind in KINDS}
    return {kind: group for kind, group in groups.items() if group}


def _as_json(cache: Path, entries: Sequence[CacheEntry]) -> dict[str, Any]:
    kinds = {
        kind: {
            "files": sum(entry.files for entry in group),
            "bytes": _total(group),
            "last_use": datetime.fromtimestamp(max(e.used for e in group), UTC).isoformat(),
        }
        for kind, group in _by_kind(entries).items()
    }
    weights = {"folder": str(hub_folder()), "bytes": hub_weights_size()}
    return {"cache": str(cache), "bytes": _total(entries), "kinds": kinds, "weights": weights}
