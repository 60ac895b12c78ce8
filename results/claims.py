"""Whether our runs bear out what a paper says: yes, no, or cannot be said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from results.paper import Claim

Answer: TypeAlias = Literal["yes", "no", "cannot be said"]
Finals: TypeAlias = Mapping[int, Mapping[str, float]]
"""Number of experts -> category -> R[T, c], the mean over runs; undefined ones are absent."""

_DIGITS = 3
"""Papers print bounds with two or three digits; ours are compared as printed."""


@dataclass(frozen=True)
class Checked:
    """An answer and the numbers of ours that it rests on."""

    answer: Answer
    because: str


def check(claim: Claim, finals: Finals, *, whole: bool) -> Checked:
    """Check a claim; `whole`: the categories of `finals` are all those of the paper."""
    if claim.above is not None or claim.below is not None:
        return _check_bounds(claim, finals, whole)
    if not whole:
        return Checked("cannot be said", "these runs have not all of the paper's categories")
    if claim.best is not None:
        return _check_best(claim, claim.best, finals)
    return _check_extreme(claim, finals)


def _check_bounds(claim: Claim, finals: Finals, whole: bool) -> Checked:
    if not claim.categories and not whole:
        return Checked("cannot be said", "a mean over other categories than the paper's")
    held: list[int] = []
    broken: dict[int, str] = {}
    missing: list[str] = []
    for experts in claim.experts or finals:
        found = _values(claim, finals.get(experts, {}))
        outside = {name: value for name, value in found.items() if not _inside(claim, value)}
        if outside:
            shown = ", ".join(f"{name} {value:.3f}" for name, value in outside.items())
            broken[experts] = f"{shown} at {experts}"
        elif len(found) == max(1, len(claim.categories)):
            held.append(experts)
        else:
            lacking = [name for name in claim.categories if name not in found]
            missing.append(f"{' and '.join(lacking) or 'no run'} at {experts}")
    if broken and (claim.experts or not held):
        return Checked("no", "; ".join(broken.values()))
    if broken:
        return Checked(
            "cannot be said", f"holds at {_listed(held)}, not: {'; '.join(broken.values())}"
        )
    if missing or not held:
        return Checked("cannot be said", f"not run: {_shortened(missing)}")
    return Checked("yes", f"at {_listed(held)} experts")


def _check_best(claim: Claim, best: int, finals: Finals) -> Checked:
    means = {experts: fmean(values.values()) for experts, values in finals.items() if values}
    if best not in means:
        return Checked("cannot be said", f"no run with {best} experts")
    top = max(means, key=means.__getitem__)
    because = f"{means[top]:.3f} at {top}, {means[best]:.3f} at {best}"
    if means[top] > means[best]:
        return Checked("no", because)
    missing = sorted(set(claim.experts) - means.keys())
    if missing:
        return Checked("cannot be said", f"not run: {_listed(missing)} experts")
    return Checked("yes", f"{means[best]:.3f} at {best}")


def _check_extreme(claim: Claim, finals: Finals) -> Checked:
    wanted = claim.lowest or claim.highest
    because = []
    answers = []
    for experts in claim.experts or finals:
        values = finals.get(experts)
        if not values:
            return Checked("cannot be said", f"no run with {experts} experts")
        extreme = (min if claim.lowest else max)(values.values())
        named = [name for name, value in values.items() if value == extreme]
        answers.append(wanted in named)
        because.append(
            f"{', '.join(named)} {extreme:.3f}, {wanted} {values.get(wanted, math.nan):.3f}"
            if wanted not in named
            else f"{wanted} {extreme:.3f}"
        )
    return Checked("yes" if all(answers) else "no", "; ".join(because))


def _values(claim: Claim, final: Mapping[str, float]) -> dict[str, float]:
    """What the claim bounds: its categories, or the mean over all."""
    if claim.categories:
        return {name: final[name] for name in claim.categories if name in final}
    return {"mean": fmean(final.values())} if final else {}


def _inside(claim: Claim, value: float) -> bool:
    """Bounds on the mean are a printed range, inclusive; those on categories are strict."""
    value = round(value, _DIGITS)
    low, high = claim.above, claim.below
    if claim.categories:
        return (low is None or value > low) and (high is None or value < high)
    return (low is None or value >= low) and (high is None or value <= high)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _shortened(words: list[str], most: int = 3) -> str:
    more = len(words) - most
    return ", ".join(words[:most] + [f"and {more} more"] * (more > 0))
