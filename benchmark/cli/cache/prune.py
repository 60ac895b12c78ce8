"""`cadbench cache prune`: delete cache entries by age, size or kind."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ....results.counts import format_count
from ....results.errors import UsageError
from ...system.cache import cache_root
from ...system.cache.contents import KINDS, CacheEntry, list_entries
from ..shared.confirmation import confirm_deletion, dry_run_option, yes_option
from ..shared.messages import echo
from ..shared.units import Age, Size, format_size


@click.command("prune")
@click.option(
    "--older-than",
    type=Age(),
    default=None,
    metavar="AGE",
    help="Delete what was not used for so long: 12h, 30d, 2w.",
)
@click.option(
    "--max-size",
    type=Size(),
    default=None,
    metavar="SIZE",
    help="Then delete what was used longest ago, until at most this is left: 500MB, 5GB.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    metavar="KIND",
    help="Delete only this kind (repeatable); alone, all of it. `cadbench cache size` lists the "
    "kinds; the caches of libraries are deleted only if this names them.",
)
@dry_run_option
@yes_option
def command(
    older_than: float | None,
    max_size: int | None,
    kinds: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete cache entries, those used longest ago first, after a question.

    Safe while other cadbench processes run: what was used in the last hour is kept, and so is
    what a running process may need. Deleted entries are computed again when they are needed.

    \b
    cadbench cache prune --older-than 30d
    cadbench cache prune --max-size 5GB --kind features --dry-run
    """
    if older_than is None and max_size is None and not kinds:
        raise UsageError(
            "choose what to delete with --older-than 30d, --max-size 5GB or --kind KIND; "
            "`cadbench cache size` lists the kinds"
        )
    from ...system.cache.pruning import plan_pruning, prune
    from ..shared.table_output import print_tables
    from .size import entry_table

    cache = cache_root()
    plan = plan_pruning(
        cache, list_entries(cache), kinds=kinds, older_than=older_than, max_size=max_size
    )
    if plan.deleted:
        print_tables([entry_table(f"To delete from {cache}", plan.deleted)])
        click.echo()
    if plan.recent:
        echo(f"kept: {_amount(plan.recent)} used in the last hour")
    if plan.in_use:
        users = ", ".join(map(str, plan.users))
        echo(f"kept: {_amount(plan.in_use)} that running processes may need ({users})")
    if not plan.deleted:
        echo(f"nothing to delete in {cache}")
        return
    if dry_run:
        echo(f"dry run: {_amount(plan.deleted)} would be deleted")
        return
    confirm_deletion(_amount(plan.deleted), yes=yes)
    done = prune(cache, plan)
    echo(f"deleted {_amount(done.deleted)}; {format_size(done.remaining)} left")


def _amount(entries: Sequence[CacheEntry]) -> str:
    files = format_count(sum(entry.files for entry in entries), "file")
    return f"{files} ({format_size(sum(entry.size for entry in entries))})"
