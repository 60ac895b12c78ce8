"""Whether our runs bear out what a paper says: yes, no, or cannot be said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from .paper import Claim

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
    """Check a claim; `whole`: the categories of `finals` are all those of the paper.

    A claim is about the paper's stream, so runs on fewer categories can neither bear it out nor
    refute it.
    """
    if claim.above is not None or claim.below is not None:
        return _check_bounds(claim, finals, whole)
    if not whole:
        return Checked("cannot be said", _NOT_WHOLE)
    if claim.best is not None:
        return _check_best(claim, claim.best, finals)
    return _check_extreme(claim, finals)


_NOT_WHOLE = "these runs have not all of the paper's categories"


def _check_bounds(claim: Claim, finals: Finals, whole: bool) -> Checked:
    asked = claim.experts or tuple(finals)
    found = {e: _values(claim, finals[e]) for e in asked if finals.get(e)}
    ours = _ranges(found)
    if not whole:
        here = f"; here {ours}" if claim.categories and ours else ""
        return Checked("cannot be said", f"{_NOT_WHOLE}{here}")
    inside = {e: all(_inside(claim, value) for value in found[e].values()) for e in found}
    held = [e for e, holds in inside.items() if holds]
    broken = [e for e, holds in inside.items() if not holds]
    if broken and (claim.experts or not held):
        return Checked("no", f"{ours}; not at {_listed(broken)} experts")
    if broken:
        return Checked("cannot be said", f"{ours}; holds at {_listed(held)} experts only")
    missing = [e for e in asked if e not in found]
    if missing or not held:
        return Checked(
            "cannot be said", f"{ours or 'nothing'}; not run: {_listed(missing)} experts"
        )
    return Checked("yes", ours)


def _ranges(found: Mapping[int, Mapping[str, float]]) -> str:
    """`screw 0.438 to 0.512, transistor 0.490`: what each came to over the numbers of experts."""
    parts = []
    for name in dict.fromkeys(name for values in found.values() for name in values):
        values = [each[name] for each in found.values() if name in each]
        low, high = f"{min(values):.3f}", f"{max(values):.3f}"
        parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
    return ", ".join(parts)


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
