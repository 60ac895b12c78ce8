"""`cadbench` in a process of its own, which stops where the test wants to kill or interrupt it.

    python -m tests.benchmark.child PLACE[,PLACE...] WORD...

Runs `cadbench WORD...` once for each PLACE (`extract`, `observe:2`, `score:2`, `none`), with the
backbone of the tests and `finetune` as the method that is held. Says `held PLACE` when it is there,
goes on when standard input ends, and says `ended CODE` after each run.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

import numpy as np
from cadbench.benchmark.cli.main import run
from cadbench.benchmark.running import runner

from tests.conftest import pixel_features

_place = "none"


def _hold(place: str) -> None:
    if place == _place:
        print(f"held {place}", flush=True)
        sys.stdin.read()


def _hold_everywhere() -> None:
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.methods.banks.finetune import FineTune

    observe, score = FineTune.observe, FineTune.score

    def held_observe(self: Any, experience: Any) -> None:
        self.index = experience.index
        _hold(f"observe:{experience.index}")
        return observe(self, experience)

    def held_score(self: Any, batch: Any) -> Any:
        _hold(f"score:{self.index}")
        return score(self, batch)

    def extract(pixels: np.ndarray) -> np.ndarray:
        _hold("extract")
        return pixel_features(pixels)

    FineTune.observe = held_observe  # type: ignore[method-assign]
    FineTune.score = held_score  # type: ignore[method-assign]
    FeatureSet._extractor = lambda self, weights: extract  # type: ignore[method-assign]


if __name__ == "__main__":
    # Where the tests themselves were started in the background, interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runner.CHECKPOINT_SECONDS = 0  # a kill costs the experience that it falls into, and no other
    _hold_everywhere()
    for _place in sys.argv[1].split(","):
        print(f"ended {run(sys.argv[2:])}", flush=True)
