"""The parameter `groups`: the categories of each expert, such as `bottle+cable/screw+wood`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ..results.did_you_mean import suggestion
from ..results.errors import UsageError

EXAMPLE = "mecad.groups=bottle+cable/screw+wood"


def parse_groups(text: str) -> tuple[tuple[str, ...], ...]:
    """Parse groups: `/` separates groups (one per expert), `+` the categories of a group.

    Raises:
        UsageError: a group or a name is empty, or a category is named twice.
    """
    groups = tuple(tuple(name.strip() for name in group.split("+")) for group in text.split("/"))
    names = [name for group in groups for name in group]
    if not all(names):
        raise UsageError(
            f"mecad.groups={text!r} has an empty group or name; write {EXAMPLE}, with + between "
            "categories and / between experts"
        )
    if duplicates := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(
            f"mecad.groups names {', '.join(duplicates)} more than once; "
            "a category belongs to one group"
        )
    return groups


def check_groups(groups: Collection[Collection[str]], categories: Collection[str]) -> None:
    """Check that the groups name every category of the run and no other.

    Args:
        groups: the categories of each expert.
        categories: the categories of the run.

    Raises:
        UsageError: names the unknown or missing categories.
    """
    names = {name for group in groups for name in group}
    if unknown := sorted(names - set(categories)):
        raise UsageError(
            f"mecad.groups names {', '.join(unknown)}, which this run does not have"
            f"{suggestion(unknown[0], categories)}; it has: {', '.join(sorted(categories))}"
        )
    if missing := sorted(set(categories) - names):
        raise UsageError(
            f"mecad.groups leaves out {', '.join(missing)}; name every category of the run"
        )
