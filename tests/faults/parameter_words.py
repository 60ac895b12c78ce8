"""`--set METHOD.PARAM=VALUES` from what the methods declare."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from cadbench.benchmark.interface.params import ParamSpec, specs
from cadbench.benchmark.plugins.methods import load_method, method_names
from cadbench.results.errors import CadbenchError
from hypothesis import strategies as st

_WRONG = ("", " ", "x", "nan", "inf", "-inf", "1e400", "-1", "0", "1,,2", ",", "1-0",
        "1-99999999999",
          "9" * 25, "9" * 5000, f"1-{'9' * 5000}", "1.5", "true", "auto", "None", "\x1b[31m", "²",
          "a\nb", "1=2", "=", "日本語", "a" * 3000, "1_000", "٣", "+1", "1e3", "0x1")  # fmt: skip


@cache
def declared() -> tuple[tuple[str, ParamSpec], ...]:
    """Every parameter of every method that can be loaded here."""
    found = []
    for name in method_names():
        try:
            found += [(name, spec) for spec in specs(load_method(name).Params)]
        except CadbenchError:  # of a library that is not installed
            continue
    return tuple(found)


def settings(method: str | None = None) -> st.SearchStrategy[str]:
    """Settings of one method, or of all."""
    of = [pair for pair in declared() if method in (None, pair[0])]
    return st.sampled_from(of).flatmap(lambda pair: _setting(*pair))


def _setting(method: str, spec: ParamSpec) -> st.SearchStrategy[str]:
    usual = st.sampled_from(tuple(_values(spec)))
    wrong = st.sampled_from(_WRONG)
    values = st.lists(st.one_of(usual, usual, wrong), min_size=1, max_size=3).map(",".join)
    drawn = st.one_of(usual, usual, usual, values, wrong)
    return drawn.map(lambda text: f"{method}.{spec.name}={text}")


def _values(spec: ParamSpec) -> Iterator[str]:
    """The default, every choice, and what lies on, in and just off the bounds."""
    yield spec.show(spec.default)
    yield from spec.choices
    if spec.kind is bool:
        yield from ("true", "false", "TRUE", "yes")
    if spec.kind in (int, float):
        step = 1 if spec.kind is int else 1e-6
        for bound in (spec.low, spec.high, spec.above):
            if bound is not None:
                yield from (f"{spec.kind(bound + by)}" for by in (-step, 0, step))
        yield from (
            ("1", "2", "7", "1000000") if spec.kind is int else ("0.5", "1", "1e-300", "1e300")
        )
    if spec.kind is str and not spec.choices:
        yield from ("apple", "apple+bolt/cork", "apple/bolt/cork", "/", "+", "apple+apple", "auto")
