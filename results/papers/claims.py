"""Checks the claims of a paper on our runs: confirmed, contradicted, or undecided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from ..counts import format_count, pluralize
from .paper import Claim

Answer: TypeAlias = Literal["yes", "no", "cannot be said"]
Finals: TypeAlias = Mapping[int, Mapping[str, float]]
"""Number of experts -> category -> mean R[T, c] over runs; undefined values are left out."""

_KNEE = 0.9
_FLAT = 0.01
_DIGITS = 3
"""Papers print bounds with two or three digits, so our values are rounded before comparing."""


@dataclass(frozen=True)
class ClaimResult:
    """The answer, and our numbers behind it.

    Attributes:
        here: the answer on a part of the paper's categories, which decides nothing.
    """

    answer: Answer
    evidence: str
    here: Answer | None = None


def check_claim(claim: Claim, finals: Finals, *, complete: bool) -> ClaimResult:
    """Check a claim on our results.

    Args:
        claim: the claim.
        finals: our results.
        complete: whether they cover all categories of the paper. If not, nothing can be said: the
            claim is about the paper's stream.
    """
    if claim.above is not None or claim.below is not None:
        return _check_bounds(claim, finals, complete)
    if claim.knee is not None or claim.flat is not None:
        result = _check_curve(claim, finals)
    elif not complete:
        return ClaimResult("cannot be said", INCOMPLETE)
    elif claim.best is not None:
        result = _check_best(claim, claim.best, finals)
    else:
        result = _check_extreme(claim, finals)
    return result if complete else only_here(result)


def only_here(result: ClaimResult) -> ClaimResult:
    """What the same check gives on a part of the paper's categories, which decides nothing."""
    here = {"yes": "here it holds", "no": "here it does not hold", "cannot be said": "here"}
    text = f"{INCOMPLETE}; {here[result.answer]}: {result.evidence}"
    return ClaimResult("cannot be said", text, result.answer)


INCOMPLETE = "these runs do not have all categories of the paper"


def _check_bounds(claim: Claim, finals: Finals, complete: bool) -> ClaimResult:
    experts = claim.experts or tuple(finals)
    found = {e: _values(claim, finals[e]) for e in experts if finals.get(e)}
    ours = _ranges(found)
    if not complete:
        here = f"; here {ours}" if claim.categories and ours else ""
        return ClaimResult("cannot be said", f"{INCOMPLETE}{here}")
    inside = {e: all(_inside(claim, value) for value in found[e].values()) for e in found}
    held = [e for e, holds in inside.items() if holds]
    broken = [e for e, holds in inside.items() if not holds]
    if broken and (claim.experts or not held):
        return ClaimResult("no", f"{ours}; not at {_listed(broken)}")
    if broken:
        return ClaimResult("cannot be said", f"{ours}; holds at {_listed(held)} only")
    missing = [e for e in experts if e not in found]
    if missing or not held:
        return ClaimResult("cannot be said", f"{ours or 'nothing'}; not run: {_listed(missing)}")
    return ClaimResult("yes", ours)


def _ranges(found: Mapping[int, Mapping[str, float]]) -> str:
    """Return the range of each value: `screw 0.438 to 0.512, transistor 0.490`."""
    parts = []
    for name in dict.fromkeys(name for values in found.values() for name in values):
        values = [each[name] for each in found.values() if name in each]
        low, high = f"{min(values):.3f}", f"{max(values):.3f}"
        parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
    return ", ".join(parts)


def _check_best(claim: Claim, best: int, finals: Finals) -> ClaimResult:
    means = {experts: fmean(values.values()) for experts, values in finals.items() if values}
    if best not in means:
        return ClaimResult("cannot be said", f"no run with {format_count(best, 'expert')}")
    top = max(means, key=means.__getitem__)
    evidence = f"{means[top]:.3f} at {top}, {means[best]:.3f} at {best}"
    if means[top] > means[best]:
        return ClaimResult("no", evidence)
    missing = sorted(set(claim.experts) - means.keys())
    if missing:
        return ClaimResult("cannot be said", f"not run: {_listed(missing)}")
    return ClaimResult("yes", f"{means[best]:.3f} at {best}")


def _check_curve(claim: Claim, finals: Finals) -> ClaimResult:
    """Check the shape of the mean AUROC over the numbers of experts."""
    means = {experts: fmean(values.values()) for experts, values in finals.items() if values}
    if missing := sorted(set(claim.experts) - means.keys()):
        return ClaimResult("cannot be said", f"not run: {_listed(missing)}")
    if claim.knee is not None:
        gain = max(means.values()) - means[1]
        share = (means[claim.knee] - means[1]) / gain if gain > 0 else math.nan
        evidence = f"{means[1]:.3f} at 1, {means[claim.knee]:.3f} at {claim.knee}, "
        evidence += f"{max(means.values()):.3f} at most"
        return ClaimResult("yes" if share >= _KNEE else "no", evidence)
    assert claim.flat is not None
    first, last = claim.flat
    inside = [mean for experts, mean in means.items() if first <= experts <= last]
    evidence = f"{min(inside):.3f} to {max(inside):.3f} from {first} to {last} experts"
    flat = round(max(inside) - min(inside), _DIGITS) <= _FLAT
    return ClaimResult("yes" if flat else "no", evidence)


def _check_extreme(claim: Claim, finals: Finals) -> ClaimResult:
    wanted = claim.lowest or claim.highest
    evidence = []
    answers = []
    for experts in claim.experts or finals:
        values = finals.get(experts)
        if not values:
            return ClaimResult("cannot be said", f"no run with {format_count(experts, 'expert')}")
        extreme = (min if claim.lowest else max)(values.values())
        named = [name for name, value in values.items() if value == extreme]
        answers.append(wanted in named)
        evidence.append(
            f"{', '.join(named)} {extreme:.3f}, {wanted} {values.get(wanted, math.nan):.3f}"
            if wanted not in named
            else f"{wanted} {extreme:.3f}"
        )
    return ClaimResult("yes" if all(answers) else "no", "; ".join(evidence))


def _values(claim: Claim, final: Mapping[str, float]) -> dict[str, float]:
    """Return the values that the claim bounds: of its categories, or the mean over all."""
    if claim.categories:
        return {name: final[name] for name in claim.categories if name in final}
    return {"mean": fmean(final.values())} if final else {}


def _inside(claim: Claim, value: float) -> bool:
    """Compare with the bounds: those on the mean are inclusive, those on categories strict."""
    value = round(value, _DIGITS)
    low, high = claim.above, claim.below
    if claim.categories:
        return (low is None or value > low) and (high is None or value < high)
    return (low is None or value >= low) and (high is None or value <= high)


def _listed(numbers: list[int]) -> str:
    """Such as `1 expert` or `2, 3 experts`."""
    return f"{', '.join(map(str, numbers))} {pluralize('expert', max(numbers, default=0))}"
