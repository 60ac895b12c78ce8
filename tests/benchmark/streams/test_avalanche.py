"""Bridges to avalanche-lib, held against avalanche-lib itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cadbench.benchmark.streams.stream import Stream

from tests.benchmark.samples import CATEGORIES


def stepped(built: Any) -> Any:
    return built.stream("1-2-1", "random:5")


def test_avalanche_gets_the_experiences_targets_and_anomalies_of_the_stream(study):
    from cadbench.benchmark.data.images.decoding import decode
    from cadbench.benchmark.data.images.preprocessing import Preprocessing

    built = study(train=2, good=1, defective=2)
    stream, manifest = stepped(built), built.manifest
    scenario = stream.as_avalanche()
    for split, experiences in (
        ("train", scenario.train_stream),
        ("test", scenario.test_stream),
    ):
        assert [e.current_experience for e in experiences] == [0, 1, 2]
        assert [e.classes_in_this_experience for e in experiences] == [{0}, {1, 2}, {3}]
        assert [e.classes_seen_so_far for e in experiences] == [{0}, {0, 1, 2}, {0, 1, 2, 3}]
        for experience, ours in zip(experiences, stream.train_stream, strict=True):
            items = [item for c in ours.categories for item in getattr(manifest, split)(c)]
            data = experience.dataset
            assert len(data) == len(items)
            assert list(data.targets) == [stream.order.categories.index(i.category) for i in items]
            assert list(data.anomaly) == [item.label for item in items]
            for item, (image, target, task) in zip(items, data, strict=True):
                pixels = Preprocessing().apply(decode(manifest.root / item.path))
                np.testing.assert_array_equal(image.numpy(), pixels.astype(np.float32) / 255)
                assert stream.order.categories[target] == item.category
                assert task == 0
    assert sum(sum(e.dataset.anomaly) for e in scenario.test_stream) == 2 * len(CATEGORIES)


@pytest.mark.filterwarnings("ignore:No loggers specified")
@pytest.mark.parametrize("inputs", ["images", "patches"])
@pytest.mark.parametrize("strategy", ["Naive", "LwF"])
def test_an_avalanche_strategy_trains_on_single_experiences(study, inputs, strategy):
    import torch
    from avalanche.training import supervised
    from torch import nn

    built = study(train=3, good=1, defective=1, size=64)
    stream = stepped(built)
    seen: list[tuple[int, ...]] = []

    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            size = 3 * 64 * 64 if inputs == "images" else 64 * 6
            self.layer = nn.Linear(size, len(CATEGORIES))

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            seen.append(tuple(values.shape[1:]))
            assert float(values.min()) >= 0
            assert float(values.max()) <= 1
            return self.layer(values.flatten(1))

    model = Linear()
    before = model.layer.weight.detach().clone()
    options = {"alpha": 1.0, "temperature": 2.0} if strategy == "LwF" else {}
    trained = getattr(supervised, strategy)(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=2,
        train_epochs=1,
        evaluator=None,
        **options,
    )
    for step, classes, past in ((0, {0}, set()), (1, {1, 2}, {0})):
        experience = train_experience(built, stream, step).as_avalanche(inputs)
        assert experience.current_experience == step
        assert experience.classes_in_this_experience == classes
        assert experience.previous_classes == past
        assert experience.classes_seen_so_far == classes | past
        assert experience.task_labels == [0]
        assert len(experience.dataset) == 3 * len(classes)
        trained.train(experience)
        assert trained.clock.train_exp_counter == step + 1
    assert seen[0] == ((3, 64, 64) if inputs == "images" else (64, 6))
    changed = (model.layer.weight != before).any(1)
    assert changed.all() if strategy == "Naive" else changed.any()


def test_a_single_experience_holds_the_stored_patches_and_images(study):
    built = study(train=3, good=1, defective=1)
    stream = stepped(built)
    experience = train_experience(built, stream, 1)
    categories = stream.train_stream[1].categories
    for inputs, source in (("patches", built.features.patches), ("images", built.features.pixels)):
        data = experience.as_avalanche(inputs).dataset
        stored = [(c, source(c, "train").read([row])[0]) for c in categories for row in range(3)]
        for (category, values), (given, target, _) in zip(stored, data, strict=True):
            wanted = values.float() / 255 if inputs == "images" else values
            np.testing.assert_array_equal(given.numpy(), wanted.numpy())
            assert stream.order.categories[target] == category


def train_experience(built: Any, stream: Stream, step: int) -> Any:
    """What the evaluator gives a method that uses images."""
    from cadbench.benchmark.interface.experience import TrainExperience

    experience = stream.train_stream[step]
    return TrainExperience(
        experience.index,
        experience.categories,
        len(stream.seen(experience.index - 1)),
        {c: built.features.patches(c, "train") for c in experience.categories},
        {c: built.features.pixels(c, "train") for c in experience.categories},
    )
