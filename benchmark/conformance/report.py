"""Running all checks on one method, and the report."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..interface.method import Method
from ..system.global_state import exit_raises
from ..system.plugin_errors import PluginMistake, describe_error
from .declaration_checks import declaration, parameters
from .leak_checks import leakage
from .mock_stream import MockStream, mock_stream
from .playback import Failed, Skipped, Subject
from .prediction_checks import (
    determinism,
    global_state,
    inferred,
    predictions,
    random_state,
    schedules,
    test_order,
)
from .state_checks import claims, memory, recurring, shared, state

Check: TypeAlias = Callable[[Subject], None]
Outcome: TypeAlias = Literal["passed", "failed", "skipped"]

_FIRST: tuple[Check, ...] = (declaration, parameters, predictions)
"""If one of these fails, the checks that run the method are skipped."""

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *_FIRST,
        *(determinism, random_state, test_order),
        *(state, memory, claims, shared),
        *(schedules, inferred, recurring, leakage),
    )
}
"""The checks by name; the docstring of a check is the rule that it shows."""


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Attributes:
        check: name of the check.
        shows: the rule that it shows.
        outcome: `passed`, `failed` or `skipped`.
        reason: why it failed or was skipped.
        printed: what the method printed during the check.
    """

    check: str
    shows: str
    outcome: Outcome
    reason: str = ""
    printed: str = ""

    def last_lines(self, count: int = 20) -> list[str]:
        """The last lines that the method printed, indented."""
        lines = [line.rstrip() for line in self.printed.splitlines()]
        left_out = [f"({len(lines) - count} lines more)"] if len(lines) > count else []
        return [f"    {line}" for line in (*left_out, *lines[-count:])]


@dataclass(frozen=True)
class Report:
    """The outcomes of all checks; `print(report)` lists them."""

    method: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(result.check for result in self.results if result.outcome == "failed")

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    def __str__(self) -> str:
        lines = [self.method]
        for result in self.results:
            lines.append(f"{result.outcome:8} {result.check}: {result.reason or result.shows}")
            if result.outcome == "failed":
                lines += result.last_lines()
        return "\n".join(lines)


def check_method(
    method: type[Method],
    *,
    only: Sequence[str] | None = None,
    stream: MockStream | None = None,
    name: str | None = None,
    on_start: Callable[[str], object] = lambda check: None,
    **params: Any,
) -> Report:
    """Run the conformance kit on a method class.

    In a test: `report = check_method(Mine)`, then `assert report.passed, report`.

    Args:
        method: the class.
        only: names of the checks to run; None for all.
        stream: a mock stream of four categories; None for the default one.
        name: name of the method in the report; None for the name of the class.
        on_start: called with the name of each check before it runs.
        **params: parameters of the method; the others have their defaults.

    Returns:
        The outcome of each check.

    Raises:
        UsageError: a parameter or the name of a check is wrong.
    """
    for wanted in only or ():
        if wanted not in CHECKS:
            raise UsageError(
                f"unknown check {wanted!r}{suggestion(wanted, CHECKS)}; there are: "
                f"{', '.join(CHECKS)}"
            )
    stream = stream or mock_stream()
    subject = Subject(method, stream.resolved(method, **params), stream)
    results: list[Result] = []
    failed_first = ""
    for key, check in CHECKS.items():
        if only and key not in only:
            continue
        if failed_first:
            result = Result(key, shows(check), "skipped", f"{failed_first} failed")
        else:
            on_start(key)
            result = _result(key, check, subject)
        if result.outcome == "failed" and check in _FIRST and key != "parameters":
            failed_first = key
        results.append(result)
    return Report(name or method.__name__, tuple(results))


def shows(check: Check) -> str:
    """The rule that a check shows, in one line."""
    return (check.__doc__ or "").strip()


def _result(name: str, check: Check, subject: Subject) -> Result:
    """Run a check; what the method prints is kept for the report."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        outcome, reason = _outcome(check, subject)
    return Result(name, shows(check), outcome, reason, printed.getvalue())


def _outcome(check: Check, subject: Subject) -> tuple[Outcome, str]:
    try:
        with global_state(0), exit_raises():
            check(subject)
    except KeyboardInterrupt:
        raise
    except Skipped as reason:
        return "skipped", str(reason)
    except (Failed, PluginMistake) as reason:
        return "failed", str(reason)
    except BaseException as error:
        return "failed", f"raised {describe_error(error, subject.kind)}"
    return "passed", ""
