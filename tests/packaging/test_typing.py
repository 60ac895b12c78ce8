"""What mypy tells the author of a method about an installed cadbench."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.packaging.environments import Environment

pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("installed: wheel")]

GOOD = '''
from dataclasses import dataclass

import torch

from cadbench import (
    MemoryReport,
    Method,
    MethodContext,
    Params,
    Prediction,
    TestBatch,
    TrainExperience,
    find_records,
    open_dataset,
    param,
)


@dataclass(frozen=True)
class MineParams(Params):
    size: int = param(10, "number of vectors", low=1)


class Mine(Method[MineParams]):
    """Distance to the mean patch."""

    Params = MineParams
    version = "1"

    def __init__(self, params: MineParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.mean = torch.zeros(context.feature_dim)

    def observe(self, experience: TrainExperience) -> None:
        for category in experience.categories:
            _, patches = experience.patches(category)
            self.mean = patches.mean((0, 1))

    def score(self, batch: TestBatch) -> Prediction:
        reveal_type(self.params.size)
        distances = (batch.patches - self.mean).norm(dim=2)
        return Prediction(image_scores=distances.amax(1), maps=None)

    def memory(self) -> MemoryReport:
        return MemoryReport(1, 1, self.mean.nbytes, self.mean.nbytes)

    def state_dict(self) -> dict[str, object]:
        return {"mean": self.mean}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        self.mean = state["mean"]


reveal_type(open_dataset("synthetic").categories)
reveal_type(find_records)
'''

WRONG = GOOD.replace("-> Prediction:", "-> int:").replace(
    "return Prediction(image_scores=distances.amax(1), maps=None)", "return self.params.number"
)


@pytest.fixture(scope="module")
def mypy(
    environment_of: Callable[[str], Environment], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[str]]:
    """Run `mypy --strict` on a file of the user; returns the lines that it prints."""
    folder = tmp_path_factory.mktemp("typing")
    python = environment_of("wheel").python

    def check(text: str) -> list[str]:
        (folder / "mine.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "mine.py"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert not done.stderr, done.stderr
        return done.stdout.splitlines()

    return check


def test_a_good_method_has_no_errors_and_typed_parameters(mypy):
    *lines, summary = mypy(GOOD)
    assert summary.startswith("Success"), lines
    size, categories, records = (line.partition("Revealed type is ")[2] for line in lines)
    assert size in ('"int"', '"builtins.int"')
    assert "tuple[" in categories
    assert "Record]" in records


def test_a_wrong_parameter_and_a_wrong_return_type_are_errors(mypy):
    errors = "\n".join(line for line in mypy(WRONG) if ": error:" in line)
    assert re.search(r'Return type "int" of "score" incompatible .* "Prediction"', errors)
    assert '"MineParams" has no attribute "number"' in errors
