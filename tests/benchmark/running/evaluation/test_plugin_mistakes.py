"""What a method does wrong is reported with its name, and changes nothing for other methods."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.interface.method import Method
from cadbench.benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from cadbench.benchmark.plugins.class_methods import (
    make_params,
    params_with_memory,
    resolve_params,
    sharing_rank,
)
from cadbench.benchmark.running.checkpoint import Checkpoint
from cadbench.benchmark.services.neighbors.disk_cache import DistanceStore
from cadbench.benchmark.system.plugin_errors import attribute_errors_to
from cadbench.methods.banks.finetune import FineTune
from cadbench.methods.banks.per_category import PerCategory
from cadbench.results.errors import CadbenchError, UsageError

from tests.benchmark.samples import assert_same_scores


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Odd(BaseException):
    pass


def raising(error: BaseException) -> Callable[..., Any]:
    def work(*_: Any) -> Any:
        raise error

    return work


def returning(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def scoring(make: Callable[[int], Any]) -> Callable[..., Any]:
    return lambda self, batch: make(len(batch))


EXPERT = ExpertMemory(0, ("apple",), 1, 1, 1, 1, 0.5)
LARGE = 2**70

MISTAKES: dict[str, tuple[str, Callable[..., Any], str]] = {
    "sys.exit": ("observe", raising(SystemExit(0)), "observe raised SystemExit: 0"),
    "os._exit": ("observe", lambda self, e: os._exit(0), "observe raised SystemExit: 0"),
    "base exception": ("score", raising(Odd("x")), "score raised Odd: x"),
    "own interrupt": ("observe", raising(KeyboardInterrupt()), "observe raised KeyboardInterrupt"),
    "generator exit": ("observe", raising(GeneratorExit()), "observe raised GeneratorExit"),
    "no text": ("observe", raising(Unreadable()), "Unreadable: .its message cannot be read."),
    "no images": ("observe", lambda self, e: e.images("apple"), "declare uses_images = True"),
    "no test images": ("score", lambda self, b: b.images(), "declare uses_images = True"),
    "wrong category": ("observe", lambda self, e: e.patches("z"), "'z' is not in this experience"),
    "number claimed": ("observe", returning(5), "observe returned 5 .int., expected a set"),
    "list claimed": ("observe", returning(["apple"]), "observe returned a list, expected a set"),
    "later claimed": ("observe", returning({"dial"}), "has not reached: dial"),
    "no prediction": ("score", returning(None), "it is None, not a cadbench.Prediction"),
    "not finite": (
        "score",
        scoring(lambda n: Prediction(torch.full((n,), torch.nan))),
        "image_scores has values that are not finite",
    ),
    "sparse": ("score", scoring(lambda n: Prediction(torch.ones(n).to_sparse())), "is a sparse"),
    "complex": (
        "score",
        scoring(lambda n: Prediction(torch.ones(n) * 1j)),
        "dtype torch.complex64, expected real numbers",
    ),
    "bool": ("score", scoring(lambda n: Prediction(torch.ones(n) > 0)), "dtype torch.bool"),
    "bool maps": (
        "score",
        scoring(lambda n: Prediction(torch.ones(n), torch.ones(n, 8, 8) > 0)),
        "maps has dtype torch.bool",
    ),
    "large maps": (
        "score",
        scoring(lambda n: Prediction(torch.ones(n), torch.full((n, 8, 8), 1e6))),
        "maps has NaN or values beyond float16",
    ),
    "no memory": ("memory", returning(None), "memory returned None, expected a cadbench.Memory"),
    "large": ("memory", returning(MemoryReport(0, LARGE, 0, 0)), "stored_vectors is 1180591620"),
    "fraction": ("memory", returning(MemoryReport(0, 0, 0.5, 1)), "scoring_bytes is 0.5"),
    "negative": ("memory", returning(MemoryReport(0, 0, -1, 1)), "scoring_bytes is -1"),
    "experts": ("memory", returning(MemoryReport(1, 1, 1, 1, EXPERT)), "experts is a ExpertM"),
    "state": ("state_dict", returning({"a": {1, 2}}), "cannot hold a set"),
    "endless state": ("state_dict", lambda self: endless(), "RecursionError"),
    "construction": ("__init__", raising(SystemExit(3)), "__init__ raised SystemExit: 3"),
}


def endless() -> dict[str, Any]:
    state: dict[str, Any] = {}
    state["state"] = state
    return state


@pytest.mark.parametrize(("call", "does", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_the_methods_name(
    study, monkeypatch, tmp_path, call, does, said
):
    built = study()
    checkpoint = Checkpoint(tmp_path / "checkpoint", "key").save
    monkeypatch.setattr(FineTune, call, does)
    with pytest.raises(CadbenchError, match=rf"^method finetune: .*{said}") as raised:
        built.evaluate(built.cell("finetune"), checkpoint=checkpoint)
    assert raised.value.exit_code == 1
    assert "\n" not in str(raised.value)


def test_only_the_users_own_interrupt_passes():
    import signal

    # A shell's background job ignores the signal, and the tests inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), attribute_errors_to("mine", Method, "observe"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_of_cadbench_is_not_the_methods():
    def disk() -> None:
        raise CadbenchError("no space left")

    class Mine:
        __module__ = "builtins"

    with pytest.raises(CadbenchError, match=r"^no space left"), attribute_errors_to("m", Mine, "x"):
        disk()


def test_a_usage_error_of_a_method_names_it():
    with (
        pytest.raises(UsageError, match=r"^method mine: size is odd"),
        attribute_errors_to("mine", Odd, "resolve"),
    ):
        raise UsageError("size is odd")


@pytest.mark.parametrize(
    ("hook", "does", "said"),
    [
        ("resolve", returning(None), "resolve returned None, expected its parameters"),
        ("resolve", raising(SystemExit(0)), "resolve raised SystemExit"),
        ("with_memory", returning(7), "with_memory returned a int"),
        ("sharing_rank", returning(None), "sharing_rank returned None"),
        ("Params", raising(ZeroDivisionError()), "ZeroDivisionError"),
    ],
)
def test_mistakes_of_class_methods_are_reported_with_the_methods_name(
    monkeypatch, hook, does, said
):
    params: Any = FineTune.Params()
    if hook == "Params":
        does.__name__ = "Params"
    monkeypatch.setattr(FineTune, hook, does if hook == "Params" else classmethod(does))
    calls: dict[str, Callable[[], Any]] = {
        "resolve": lambda: resolve_params("mine", FineTune, params, None),  # type: ignore[arg-type]
        "with_memory": lambda: params_with_memory("mine", FineTune, params, 5, 2),
        "sharing_rank": lambda: sharing_rank("mine", FineTune, params),
        "Params": lambda: make_params("mine", FineTune, {}),
    }
    with pytest.raises(CadbenchError, match=f"^method mine: .*{said}"):
        calls[hook]()


def change_in_place(block: Block) -> None:
    block.vectors.mul_(2)


def change_as_array(block: Block) -> None:
    block.vectors.numpy()[0] = 0


def fails_alone(built: Any, monkeypatch: Any, call: str, does: Callable[..., Any], said: str):
    """Assert that `finetune` fails, and that the same cell has its old scores afterward."""
    cell = built.cell("finetune", params={"bank_budget": 20})
    clean = built.evaluate(cell)
    built.services.neighbors.forget()
    with monkeypatch.context() as patch:
        patch.setattr(FineTune, call, does)
        with pytest.raises(CadbenchError, match=said):
            built.evaluate(cell)
    assert_same_scores(built.evaluate(cell), clean)


@pytest.mark.parametrize("change", [change_in_place, change_as_array])
@pytest.mark.parametrize("when", ["observe", "score"])
def test_a_method_that_changes_a_block_fails_and_changes_no_other_methods_scores(
    study, monkeypatch, when, change
):
    original = getattr(FineTune, when)

    def changing(self: Any, given: Any) -> Any:
        if when == "score":
            change(self.bank[0])
        result = original(self, given)
        if when == "observe":
            change(self.bank[0])
        return result

    fails_alone(study(), monkeypatch, when, changing, "^method finetune: it changed the vectors")


def test_a_method_that_fails_after_it_changed_a_block_leaves_nothing_of_it(study, monkeypatch):
    def failing(self: Any, batch: Any) -> Any:
        self.bank[0].vectors.mul_(2)
        self.context.neighbors.min_distance(batch, self.bank)
        raise ValueError

    fails_alone(study(), monkeypatch, "score", failing, "ValueError")


def test_distances_to_a_changed_block_are_never_stored(study, monkeypatch, tmp_path):
    built = study()
    cell = built.cell("per_category", params={"class_budget": 10})
    clean = built.evaluate(cell)
    # Room for one table, so that tables are stored while the method still scores.
    store = DistanceStore(tmp_path / "distances" / "features", 10**9)
    neighbors = built.services.neighbors
    neighbors.store, neighbors.budget = store, 1
    neighbors.forget()
    score = PerCategory.score

    def changing(self: Any, batch: Any) -> Any:
        if len(self.banks) == 3:
            for bank in self.banks:
                bank.vectors.mul_(2)
        return score(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(PerCategory, "score", changing)
        with pytest.raises(CadbenchError, match="it changed the vectors"):
            built.evaluate(cell)
    assert list(tmp_path.rglob("distances/*/*"))
    neighbors.forget()
    assert_same_scores(built.evaluate(cell), clean)


def test_what_a_method_makes_of_a_centroid_or_a_selection_stays_its_own(study):
    from cadbench.benchmark.conformance.mock_stream import mock_stream
    from cadbench.benchmark.conformance.mocks import MockBank

    stream = mock_stream(train=3, side=4, dim=8)
    coresets = stream.build(MockBank).context.coresets
    experience = next(stream.experiences())
    before = coresets.centroid(experience, "anchor").copy()
    coresets.centroid(experience, "anchor")[:] = 0
    np.testing.assert_array_equal(coresets.centroid(experience, "anchor"), before)
    blocks = [coresets.select(experience, "anchor", 5)]
    rows = coresets.reduce(blocks, 2)
    rows[:] = 0
    assert len(set(coresets.reduce(blocks, 2).tolist())) == 2


def test_a_block_is_a_copy():
    vectors = torch.ones(3, 2)
    block = Block.of(vectors)
    vectors.zero_()
    assert block.vectors.sum() == 6
    assert block.is_unchanged()


def test_global_settings_are_restored_after_a_cell(study, monkeypatch, tmp_path):
    built = study()
    original = FineTune.observe

    def careless(self: Any, experience: Any) -> Any:
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        torch.set_float32_matmul_precision("medium")
        os.chdir(tmp_path)
        return original(self, experience)

    monkeypatch.setattr(FineTune, "observe", careless)

    def settings() -> tuple[object, ...]:
        numpy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        return (
            random.getstate(),
            numpy["key"].tolist(),
            torch.get_rng_state().tolist(),
            torch.get_float32_matmul_precision(),
            os.getcwd(),
        )

    before = settings()
    built.evaluate(built.cell("finetune", params={"bank_budget": 20}))
    assert settings() == before
