"""The campaign of bad input: words of the command line, files that options name, and datasets.

    python -m tests.faults.bad_input [--examples N] [--seed N] [--only KIND]...

prints a table: kind of input, tried, accepted, refused, faults; and each fault with its shortest
input. `--examples` is the number a kind; the same seed gives the same examples. Exit code 1 where
there is a fault. `judging` has the rules, `option_words`, `parameter_words`, `written_files` and
`image_trees` what is tried; a part of it is the test tests/faults/test_bad_input.py.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.faults.case import Case
from tests.faults.image_trees import LAYOUTS, trees
from tests.faults.judging import World, build_world, judge, own_backbone, standing_in
from tests.faults.option_words import commands, lines
from tests.faults.parameter_words import declared
from tests.faults.written_files import WRITTEN

SLOW = {"option: check": 0.02, "option: figure": 0.3, "option: report": 0.5}
"""Share of the examples for commands that compute or draw for a while."""


@dataclass
class Tally:
    """What became of the cases of a kind; faults: what was wrong -> the shortest input for it."""

    accepted: int = 0
    refused: int = 0
    faults: int = 0
    seconds: float = 0.0
    found: dict[str, str] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return self.accepted + self.refused + self.faults

    def add(self, outcome: str, why: str, shown: str) -> None:
        if outcome == "accepted":
            self.accepted += 1
        elif outcome == "refused":
            self.refused += 1
        else:
            self.faults += 1
            what = re.sub(r"[0-9]+", "0", why)[:70]
            if what not in self.found or len(shown) < len(self.found[what]):
                self.found[what] = f"{shown}\n      {why}"


def kinds(world: World) -> dict[str, st.SearchStrategy[Case]]:
    """Every kind of input."""
    found = {
        f"option: {name}": lines(name).map(lambda words: Case(tuple(words))) for name in commands()
    }
    for method in dict.fromkeys(name for name, _ in declared()):
        found[f"--set of {method}"] = _of_params(method)
    found |= {f"file: {name}": make(world.root / "files") for name, make in WRITTEN.items()}
    found |= {f"dataset: {name}": trees(name) for name in LAYOUTS}
    return found


def _of_params(method: str) -> st.SearchStrategy[Case]:
    from tests.faults.option_values import PLATES
    from tests.faults.parameter_words import settings as of

    begin = ("run", "-q", "--dry-run", "--data-root", PLATES, "--method", method)
    settings = st.lists(
        of(method), min_size=1, max_size=3, unique_by=lambda text: text.partition("=")[0]
    )
    return settings.map(
        lambda texts: Case((*begin, *(word for text in texts for word in ("--set", text))))
    )


def play(
    kind: str, cases: st.SearchStrategy[Case], world: World, examples: int, seed: int | None
) -> Tally:
    """Try so many examples; seed: None for the same ones each time."""
    tally = Tally()
    began = time.monotonic()

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=seed is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(case: Case) -> None:
        place = world.root / "tree"
        shutil.rmtree(place, ignore_errors=True)
        case.prepare(place)
        answer = world.call(case.words)
        verdict = judge(answer, case.command)
        tally.add(verdict.outcome, verdict.why, case.shown)

    (each if seed is None else seeded(seed)(each))()
    tally.seconds = time.monotonic() - began
    return tally


@contextlib.contextmanager
def planning_only(world: World) -> Iterator[None]:
    """`run` and `paper` end where computing would begin, `run` with a record from before."""
    from cadbench.benchmark.running.runner import Outcome
    from cadbench.results.errors import CadbenchError
    from cadbench.results.records.store import find_records

    record = next(r for r in find_records(world.root / "runs") if r.method == "finetune")

    def known(planned: Any, *_: Any) -> list[Outcome]:
        return [Outcome(cell, record, True) for cell in planned.cells[:3]]

    def stop(*_: Any) -> None:
        raise CadbenchError("planned; the campaign computes nothing")

    with (
        mock.patch("cadbench.benchmark.study.execution.execute", known),
        mock.patch("cadbench.benchmark.cli.running.paper._compute", stop),
    ):
        yield


@contextlib.contextmanager
def campaign() -> Iterator[World]:
    """A world, and everything that would leave it replaced."""
    with tempfile.TemporaryDirectory() as folder:
        world = build_world(Path(folder))
        with standing_in(world):
            yield world


def campaign_of(kind: str, world: World, examples: int, seed: int | None = None) -> Tally:
    """The tally of one kind."""
    count = max(1, round(examples * SLOW.get(kind, 1.0)))
    around: contextlib.AbstractContextManager[Any]
    if kind == "file: weights":
        around = own_backbone()
    elif kind.startswith("dataset: "):
        around = contextlib.nullcontext()
    else:
        around = planning_only(world)
    with around:
        return play(kind, kinds(world)[kind], world, count, seed)


def table(tallies: Mapping[str, Tally]) -> str:
    """Markdown: a row a kind, one for the parameters of all methods, and the sums."""
    sums: dict[str, Tally] = {}
    for kind, one in tallies.items():
        name = "--set METHOD.PARAM, all methods" if kind.startswith("--set of ") else kind
        for row in (name, "all"):
            of = sums.setdefault(row, Tally())
            of.accepted += one.accepted
            of.refused += one.refused
            of.faults += one.faults
    rows = ["| kind of input | tried | accepted | refused | faults |", "|---|--:|--:|--:|--:|"]
    for name, of in sorted(sums.items(), key=lambda pair: pair[0] == "all"):
        rows.append(f"| {name} | {of.tried:,} | {of.accepted:,} | {of.refused:,} | {of.faults} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.bad_input")
    parser.add_argument("--examples", type=int, default=100, help="a kind")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", action="append", default=[], help="kinds that begin so")
    given = parser.parse_args(arguments)
    tallies: dict[str, Tally] = {}
    with campaign() as world:
        for kind in kinds(world):
            if given.only and not kind.startswith(tuple(given.only)):
                continue
            tallies[kind] = tally = campaign_of(kind, world, given.examples, given.seed)
            print(f"{kind}: {tally.tried} in {tally.seconds:.1f} s", file=sys.stderr, flush=True)
            for what, shown in tally.found.items():
                print(f"  FAULT {what}\n    {shown}", file=sys.stderr, flush=True)
    print(table(tallies))
    return 1 if any(tally.faults for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
