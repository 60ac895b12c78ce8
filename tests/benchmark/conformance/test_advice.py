"""What the checks say: the cure, the names as they run, and what the method printed."""

from __future__ import annotations

from typing import Any

import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.mocks import MockMean
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.prediction import MemoryReport

SMALL = {"train": 3, "test": 4, "side": 4, "dim": 8}
TORCH_RNG = "with context.torch_rng(purpose, str(experience.index)):"


class Noisy(MockMean):
    """Adds noise to each mean."""

    def noise(self, experience: Any) -> torch.Tensor:
        return torch.rand(8)

    def observe(self, experience: Any) -> Any:
        result = super().observe(experience)
        for category in experience.categories:
            self.means[category] = self.means[category] + self.noise(experience)
        return result


class GlobalNoise(Noisy):
    """Seeds torch once."""

    def __init__(self, params: Any, context: Any) -> None:
        super().__init__(params, context)
        torch.manual_seed(context.seed)


class OwnNoise(Noisy):
    """Has a generator that it does not save."""

    def __init__(self, params: Any, context: Any) -> None:
        super().__init__(params, context)
        self.generator = torch.Generator().manual_seed(context.seed)

    def noise(self, experience: Any) -> torch.Tensor:
        return torch.rand(8, generator=self.generator)


class Repeatable(Noisy):
    """Draws inside torch_rng."""

    def noise(self, experience: Any) -> torch.Tensor:
        with self.context.torch_rng("noise", str(experience.index)):
            return torch.rand(8)


class ForgetsImages(MockMean):
    """Does not declare that it uses images."""

    def observe(self, experience: Any) -> Any:
        for category in experience.categories:
            print(f"learning {category}")
            self.means[category] = experience.images(category)[1].float().mean((0, 2, 3))
        return frozenset(experience.categories)


class SmallLie(MockMean):
    """Reports no memory."""

    def memory(self) -> MemoryReport:
        return MemoryReport(0, 0, 0, 0)


class HidesNumbers(MockMean):
    """Keeps its means as a list of numbers."""

    def memory(self) -> MemoryReport:
        return MemoryReport(0, 0, 0, 0)

    def state_dict(self) -> Any:
        return {"means": {name: mean.tolist() for name, mean in self.means.items()}}


def reason(kind: Any, check: str) -> str:
    (result,) = check_method(kind, only=[check], stream=mock_stream(**SMALL)).results  # type: ignore[arg-type]
    assert result.outcome == "failed"
    return result.reason


def test_a_random_state_that_is_not_saved_is_named_with_its_cure():
    assert TORCH_RNG in reason(OwnNoise, "state")
    assert "state of its random generator is not saved" in reason(GlobalNoise, "state")
    assert "inside `with context.torch_rng(purpose, name):`" in reason(GlobalNoise, "random_state")


def test_torch_rng_is_that_cure():
    stream = mock_stream(**SMALL)  # type: ignore[arg-type]
    only = ["determinism", "random_state", "state"]
    report = check_method(Repeatable, only=only, stream=stream)
    assert report.passed, report


def test_forgotten_images_are_named_with_their_cure():
    assert "declare uses_images = True in its class" in reason(ForgetsImages, "predictions")


def test_a_small_lie_about_memory_is_found():
    assert "memory() says 0 bytes are stored, the state's tensors have 32" in reason(
        SmallLie, "memory"
    )
    assert "numbers outside tensors 64" in reason(HidesNumbers, "memory")


def test_the_names_of_checks_are_told_as_they_run_and_prints_are_kept(capsys):
    started: list[str] = []
    stream = mock_stream(**SMALL)  # type: ignore[arg-type]
    only = ["declaration", "predictions", "memory"]
    report = check_method(ForgetsImages, only=only, stream=stream, on_start=started.append)
    assert started == ["declaration", "predictions"]  # memory is skipped
    assert capsys.readouterr() == ("", "")
    assert report.results[1].printed == "learning anchor\n"
    assert "    learning anchor" in str(report)


def test_the_command_shows_what_was_printed_where_a_check_failed_and_with_verbose(call):
    name = "tests.benchmark.conformance.test_advice:ForgetsImages"
    failed = call("check", name, "--only", "predictions", "--only", "declaration")
    assert failed.code == 1
    assert failed.err == "checking declaration\nchecking predictions\n"
    assert "printed during predictions:\n    learning anchor" in failed.out
    name = "tests.benchmark.conformance.test_advice:Prints"
    assert "printed during" not in call("check", name, "--only", "memory").out
    verbose = call("check", name, "--only", "memory", "-v")
    assert "printed during memory:\nepoch 1" in verbose.out


class Prints(MockMean):
    """Prints."""

    def observe(self, experience: Any) -> Any:
        print("epoch 1")
        return super().observe(experience)


class Exits(MockMean):
    """Exits."""

    def observe(self, experience: Any) -> Any:
        raise SystemExit(0)


def test_a_method_that_exits_fails_its_checks():
    assert "raised SystemExit: 0" in reason(Exits, "predictions")
