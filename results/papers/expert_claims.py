"""Checks the claims of a paper on experts: their groups, their memory, and what they forget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ..counts import format_count
from .claims import INCOMPLETE, ClaimResult, only_here
from .paper import Claim


@dataclass(frozen=True)
class ExpertsOfRun:
    """The experts of one run.

    Attributes:
        owner: category -> expert.
        utilization: expert -> percent of its budget in use.
        change: category -> R[T, c] - R[s(c), c].
    """

    owner: Mapping[str, int]
    utilization: Mapping[int, float]
    change: Mapping[str, float]

    @property
    def groups(self) -> list[frozenset[str]]:
        """The categories of each expert, the smallest expert first."""
        experts: dict[int, set[str]] = {}
        for category, expert in self.owner.items():
            experts.setdefault(expert, set()).add(category)
        return [
            frozenset(group)
            for group in sorted(experts.values(), key=lambda g: (len(g), *sorted(g)))
        ]


def is_about_experts(claim: Claim) -> bool:
    """Whether a claim is about groups, memory or forgetting of experts."""
    return bool(
        claim.sizes or claim.alone or claim.group or claim.utilization or claim.larger_forget_more
    )


def check_expert_claim(
    claim: Claim, runs: Mapping[int, Sequence[ExpertsOfRun]], *, complete: bool
) -> ClaimResult:
    """Check a claim on every run with its number of experts.

    Args:
        claim: the claim.
        runs: number of experts -> our runs.
        complete: whether they cover all categories of the paper.
    """
    (experts, *_) = claim.experts
    chosen = runs.get(experts, ())
    if not chosen:
        return ClaimResult("cannot be said", f"no run with {format_count(experts, 'expert')}")
    named = {*claim.alone, *claim.group}
    if absent := sorted(named - chosen[0].owner.keys()):
        return ClaimResult("cannot be said", f"{INCOMPLETE}: {', '.join(absent)}")
    checked = [_check(claim, run) for run in chosen]
    (evidence, count), *_ = Counter(text for _, text in checked).most_common(1)
    if count < len(checked):
        evidence += f" (in {count} of {len(checked)} runs)"
    held = sum(holds for holds, _ in checked)
    if held in (0, len(checked)):
        result = ClaimResult("yes" if held else "no", evidence)
    else:
        text = f"holds in {held} of {format_count(len(checked), 'run')}; {evidence}"
        result = ClaimResult("cannot be said", text)
    return result if complete else only_here(result)


def _check(claim: Claim, run: ExpertsOfRun) -> tuple[bool, str]:
    """Whether a run confirms a claim, and its numbers."""
    groups = run.groups
    if claim.sizes:
        sizes = tuple(map(len, groups))
        return sizes == claim.sizes, f"sizes {', '.join(map(str, sizes))}"
    if claim.alone:
        singles = {name for group in groups if len(group) == 1 for name in group}
        return singles == set(claim.alone), f"alone: {', '.join(sorted(singles)) or 'none'}"
    if claim.group:
        (found,) = (group for group in groups if claim.group[0] in group)
        return found == set(
            claim.group
        ), f"{claim.group[0]} is with {_others(found, claim.group[0])}"
    if claim.utilization:
        percents = sorted(run.utilization.values())
        same = len(percents) == len(claim.utilization) and all(
            math.isclose(a, b, abs_tol=0.01)
            for a, b in zip(percents, sorted(claim.utilization), strict=True)
        )
        return same, ", ".join(f"{percent:.2f}" for percent in percents)
    most = len(groups[-1])
    change = [(len(group), fmean(run.change[name] for name in group)) for group in groups]
    large = [value for size, value in change if size == most]
    small = [value for size, value in change if size < most]
    text = ", ".join(f"{value:.3f} of {size}" for size, value in change)
    return bool(small) and max(large) < min(small), text


def _others(group: frozenset[str], name: str) -> str:
    return ", ".join(sorted(group - {name})) or "none"
