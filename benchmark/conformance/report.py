"""All checks on one method, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..interface.method import Method
from ..system.plugin_errors import describe_error
from . import declaration_checks as declaring
from . import prediction_checks as answering
from . import state_checks as keeping
from .mock_stream import MockStream, mock_stream
from .playback import Failed, Skipped, Subject

Check: TypeAlias = Callable[[Subject], None]
Outcome: TypeAlias = Literal["passed", "failed", "skipped"]

_FIRST: tuple[Check, ...] = (declaring.declaration, declaring.parameters, answering.predictions)
"""Where one of these fails, those that run the method tell nothing more."""

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *_FIRST,
        *(answering.determinism, answering.random_state, answering.test_order),
        *(keeping.state, keeping.memory, keeping.claims, keeping.shared),
        *(answering.schedules, answering.inferred, keeping.recurring),
    )
}
"""By name; a check's docstring says what it shows."""


@dataclass(frozen=True)
class Result:
    """What came of one check: what it shows, and why it failed or was skipped."""

    check: str
    shows: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What came of all checks; `print(report)` lists them."""

    method: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(result.check for result in self.results if result.outcome == "failed")

    @property
    def passed(self) -> bool:
        """Whether none failed."""
        return not self.failed

    def __str__(self) -> str:
        lines = [
            f"{result.outcome:8} {result.check}: {result.reason or result.shows}"
            for result in self.results
        ]
        return "\n".join([self.method, *lines])


def check_method(
    method: type[Method],
    *,
    only: Sequence[str] | None = None,
    stream: MockStream | None = None,
    name: str | None = None,
    **params: Any,
) -> Report:
    """Run the conformance kit on a method class, with these parameters and defaults otherwise.

    only: names of the checks to run; stream: of four categories, where the default does not suit;
    name: what the report calls the method. In a test: `report = check_method(Mine)`, then
    `assert report.passed, report`. `UsageError` where a parameter is wrong.
    """
    for wanted in only or ():
        if wanted not in CHECKS:
            raise UsageError(
                f"no check {wanted!r}{suggestion(wanted, CHECKS)}; there are: {', '.join(CHECKS)}"
            )
    stream = stream or mock_stream()
    subject = Subject(method, stream.resolved(method, **params), stream)
    results: list[Result] = []
    broken = ""
    for key, check in CHECKS.items():
        if only and key not in only:
            continue
        if broken:
            result = Result(key, shows(check), "skipped", f"{broken} failed")
        else:
            result = _result(key, check, subject)
        if result.outcome == "failed" and check in _FIRST and key != "parameters":
            broken = key
        results.append(result)
    return Report(name or method.__name__, tuple(results))


def shows(check: Check) -> str:
    """What a check shows, in a line."""
    return (check.__doc__ or "").strip()


def _result(name: str, check: Check, subject: Subject) -> Result:
    try:
        with answering.global_state_of(0):
            check(subject)
    except Skipped as reason:
        return Result(name, shows(check), "skipped", str(reason))
    except Failed as reason:
        return Result(name, shows(check), "failed", str(reason))
    except Exception as error:
        return Result(name, shows(check), "failed", f"raised {describe_error(error, subject.kind)}")
    return Result(name, shows(check), "passed")
