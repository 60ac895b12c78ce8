"""Checkpoints: what did not change is not written again, damage is noticed."""

from __future__ import annotations

import pytest
import torch
from cadbench.benchmark.running.checkpoint import Checkpoint
from cadbench.benchmark.running.evaluation.progress import Progress, Step

CPU = torch.device("cpu")


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of two steps whose state shares a tensor between them."""
    checkpoint = Checkpoint(tmp_path / "checkpoint", "key")
    progress = Progress()
    first, second = torch.arange(4.0), torch.arange(5.0)
    for step, tensors in ((1, [first]), (2, [first, second])):
        progress.steps.append(Step(step, memory=[{"stored_vectors": step}]))
        progress.method_state = {"bank": tensors, "seen": step}
        checkpoint.save(progress)
    return checkpoint


def test_a_saved_progress_comes_back(saved):
    loaded = saved.load(CPU)
    assert loaded.experience == 2
    assert [row["stored_vectors"] for row in loaded.memory] == [1, 2]
    assert loaded.method_state["seen"] == 2
    assert [len(tensor) for tensor in loaded.method_state["bank"]] == [4, 5]


def test_a_tensor_is_written_once_and_forgotten_when_no_state_holds_it(saved):
    files = {file.name: file.stat().st_mtime_ns for file in (saved.folder / "tensors").iterdir()}
    assert len(files) == 2
    progress = saved.load(CPU)
    progress.steps.append(Step(3))
    progress.method_state = {"bank": progress.method_state["bank"][1:], "seen": 3}
    saved.save(progress)
    (kept,) = (saved.folder / "tensors").iterdir()
    assert kept.stat().st_mtime_ns == files[kept.name]


def test_steps_in_quick_succession_are_written_when_the_time_has_come(tmp_path, monkeypatch):
    now = 0.0
    monkeypatch.setattr("cadbench.benchmark.running.checkpoint.time.monotonic", lambda: now)
    checkpoint = Checkpoint(tmp_path / "checkpoint", "key", every=1.0)
    progress = Progress()
    found = []
    for step, now in ((1, 0.4), (2, 1.2), (3, 1.5)):  # noqa: B007 (the clock reads it)
        progress.steps.append(Step(step, memory=[{"stored_vectors": step}]))
        progress.method_state = {"seen": step}
        checkpoint.save(progress)
        loaded = Checkpoint(checkpoint.folder, "key").load(CPU)
        found.append(loaded and [row["stored_vectors"] for row in loaded.memory])
    assert found == [None, [1, 2], [1, 2]]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_is_stopped_loses_no_finished_step(tmp_path, error):
    checkpoint = Checkpoint(tmp_path / "checkpoint", "key", every=1000)
    progress = Progress()
    weights = torch.zeros(3)

    def steps():
        for step in (1, 2):
            progress.steps.append(Step(step, memory=[{"stored_vectors": step}]))
            progress.method_state = {"weights": weights}
            checkpoint.save(progress)
            weights.add_(1)  # the method goes on learning, in place
        assert not checkpoint.folder.exists()
        raise error

    with pytest.raises(error), checkpoint:
        steps()
    loaded = Checkpoint(checkpoint.folder, "key").load(CPU)
    assert [row["stored_vectors"] for row in loaded.memory] == [1, 2]
    assert loaded.method_state["weights"].tolist() == [1, 1, 1]


def test_a_run_that_ends_well_writes_nothing_more(tmp_path):
    with Checkpoint(tmp_path / "checkpoint", "key", every=1000) as checkpoint:
        checkpoint.save(Progress([Step(1)], {}))
    assert not checkpoint.folder.exists()


def test_another_cells_checkpoint_is_not_taken(saved):
    assert Checkpoint(saved.folder, "other").load(CPU) is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "remove"])
@pytest.mark.parametrize("which", ["head.json", "step-1", "tensors"])
def test_any_damage_counts_as_no_checkpoint(saved, which, damage):
    file = saved.folder / which
    if file.is_dir():
        file = next(file.iterdir())
    content = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    elif damage == "flip":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    else:
        file.write_bytes(content[:-1] if damage == "truncate" else b"")
    assert saved.load(CPU) is None


def test_clearing_leaves_nothing(saved):
    saved.clear()
    assert not saved.folder.exists()
    saved.clear()
