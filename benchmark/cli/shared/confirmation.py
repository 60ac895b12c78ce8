"""Ask before something is deleted."""

from __future__ import annotations

import sys

import click

from ....results.errors import CadbenchError, UsageError

yes_option = click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
dry_run_option = click.option("--dry-run", is_flag=True, help="List only, delete nothing.")


def confirm_deletion(what: str, *, yes: bool) -> None:
    """Ask whether to delete; return if the answer is yes.

    Args:
        what: such as `3 records (1.2 MB)`.
        yes: whether the user has agreed with --yes.

    Raises:
        UsageError: there is no terminal to ask on.
        CadbenchError: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"nothing was deleted: there is no terminal to ask on; pass --yes to delete {what}"
        )
    if not click.confirm(f"Delete {what}?"):
        raise CadbenchError("not confirmed; nothing was deleted")
