"""UCAD: its loss, its segments, what it learns and stores, and how images are routed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import MockStream, mock_stream
from cadbench.methods.prompted.contrastive import contrastive_loss
from cadbench.methods.prompted.segments import (
    FOLDER_VARIABLE,
    pixel_hash,
    resolve_source,
    segments_of,
)
from cadbench.methods.prompted.ucad import Ucad
from cadbench.results.errors import UsageError
from PIL import Image

GRID = (8, 8)


@pytest.fixture(scope="module")
def stream() -> MockStream:
    return mock_stream(categories=2, train=4, test=4)


@pytest.fixture
def masks(stream: MockStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mask per training image with a left and a right region."""
    for experience in stream.experiences(images=True):
        for category in experience.categories:
            for image in experience.images(category)[1].numpy():
                mask = np.zeros(image.shape[1:], np.uint8)
                mask[:, mask.shape[1] // 2 :] = 7
                Image.fromarray(mask).save(tmp_path / f"{pixel_hash(image)}.png")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def learned(stream: MockStream, routing: Any = "oracle", **params: Any) -> Any:
    small = {"key_size": 20, "knowledge_size": 30, **params}
    method = stream.build(Ucad, stream.resolved(Ucad, **small), routing=routing)
    for experience in stream.experiences(images=True):
        method.observe(experience)
    return method


def test_the_loss_is_the_mean_over_pairs_of_patches():
    rng = np.random.Generator(np.random.PCG64(0))
    features, segments = rng.normal(size=(2, 5, 3)), rng.integers(0, 2, (2, 5))
    costs = []
    for image, regions in zip(features, segments, strict=True):
        for one, region in zip(image, regions, strict=True):
            for other, its in zip(image, regions, strict=True):
                cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
                costs.append(-cosine / 0.5 if region == its else np.exp(cosine / 0.5))
    loss = contrastive_loss(torch.from_numpy(features), torch.from_numpy(segments), 0.5)
    assert loss.item() == pytest.approx(np.mean(costs), rel=1e-10)


def test_masks_are_found_by_pixels_and_read_at_the_centers_of_patches(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    image = np.zeros((3, 8, 8), np.uint8)
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(
        tmp_path / f"{pixel_hash(image)}.png"
    )
    source = resolve_source("files")
    segments = segments_of(source, torch.from_numpy(image)[None], (2, 2))
    assert segments.tolist() == [[5, 7, 13, 15]]
    with pytest.raises(UsageError, match=r"the mask [0-9a-f]{64}\.png of a training image is mis"):
        segments_of(source, torch.ones(1, 3, 8, 8, dtype=torch.uint8), (2, 2))
    (tmp_path / "more.png").write_bytes(b"")
    with pytest.raises(UsageError, match="the masks are not those of this cell"):
        segments_of(source, torch.from_numpy(image)[None], (2, 2))


def test_segments_that_cannot_be_made_are_one_line(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(UsageError, match="CADBENCH_SEGMENTS, which is not set"):
        resolve_source("files")
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(UsageError, match="segments=slic needs scikit-image"):
        segments_of("slic", torch.zeros(1, 3, 8, 8, dtype=torch.uint8), (2, 2))


def test_training_lowers_the_loss_and_keeps_what_each_epoch_learned(stream, masks):
    options = {"segments": "files", "epochs": 4, "lr": 0.05, "keep_epochs": True}
    method = learned(stream, **options)
    assert method.params.segments == resolve_source("files")
    task = method.tasks[0]
    assert [len(task.epochs), task.prompt.shape] == [4, (2, 2, 1, 16)]
    assert torch.equal(task.epochs[-1][0], task.prompt)
    assert torch.equal(task.epochs[-1][1].vectors, task.knowledge.vectors)
    images = next(stream.experiences(images=True)).images(task.category)[1]
    segments = segments_of(method.params.segments, images, GRID)

    def loss(prompt: torch.Tensor) -> float:
        with torch.no_grad():
            return float(contrastive_loss(method._features(images, prompt), segments, 0.5))

    untrained = learned(stream).tasks[0].prompt
    assert loss(task.prompt) < loss(task.epochs[0][0]) < loss(untrained)
    again = stream.build(Ucad, method.params)
    again.load_state_dict(method.state_dict())
    (_, batch), *_ = stream.test_batches(images=True)
    assert torch.equal(again.score(batch).image_scores, method.score(batch).image_scores)
    assert torch.equal(again.tasks[1].epochs[2][0], method.tasks[1].epochs[2][0])


def test_memory_counts_keys_prompts_and_knowledge(stream):
    method = learned(stream)
    dim = method.context.feature_dim
    each = 20 * dim * 4 + 30 * 16 * 4 + 2 * 2 * 16 * 4
    report = method.memory()
    assert (report.stored_vectors, report.stored_bytes) == (2 * 50, 2 * each)
    assert report.scoring_bytes == report.stored_bytes
    assert [expert.utilization for expert in report.experts] == [1.0, 1.0]


def test_an_image_is_scored_with_the_prompt_and_knowledge_of_its_task(stream):
    inferred = learned(stream, "inferred")
    for _, batch in stream.test_batches(routing="inferred", images=True):
        prediction = inferred.score(batch)
        keys = inferred.key_distances(batch).distances.double().mean(2)
        assert prediction.route.tolist() == keys.argmin(0).tolist()
        for row, expert in enumerate(prediction.route.tolist()):
            task = inferred.tasks[expert]
            features = inferred._features(batch.images()[row : row + 1], task.prompt)[0]
            nearest = torch.cdist(features.double(), task.knowledge.vectors.double()).amin(1)
            torch.testing.assert_close(
                prediction.image_scores[row], nearest.max().float(), rtol=1e-4, atol=1e-4
            )
