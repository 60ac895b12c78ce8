"""A command whose help lists its options under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class GroupedCommand(click.Command):
    """A command with option groups.

    Args:
        groups: heading -> parameter names of the options below it, in the
            order of the help. Options of no group are listed last, under `Other options`.
    """

    def __init__(self, *args: Any, groups: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = {each.name: each for each in self.get_params(ctx)}
        groups = [(heading, list(names)) for heading, names in self.groups.items()]
        grouped = {name for _, names in groups for name in names}
        groups.append(("Other options", [name for name in left if name not in grouped]))
        for heading, names in groups:
            records = [left[name].get_help_record(ctx) for name in names]
            if lines := [record for record in records if record]:
                with formatter.section(heading):
                    formatter.write_dl(lines)
