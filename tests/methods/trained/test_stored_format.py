"""Replay within a number of bytes: what is stored of images, and how much of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.methods.trained.stored_format import StoredFormat
from cadbench.results.errors import UsageError
from PIL import Image

from tests.methods.trained.training import CLASSES, QUICK, distance, taught

SMOOTH = torch.linspace(0, 255, 32).to(torch.uint8).expand(3, 32, 32).contiguous()


def stored(method):
    return [one for group in method.strategy_state["groups"] for one in group["stored"]]


def test_images_are_jpegs_of_pillow():
    form = StoredFormat(0, 50, 1)
    encoded = form.encoded(SMOOTH)
    file = io.BytesIO()
    Image.fromarray(SMOOTH.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=50)
    assert encoded.numpy().tobytes() == file.getvalue()
    restored = form.decoded(encoded, (32, 32))
    assert restored.dtype == torch.uint8
    assert (restored.int() - SMOOTH.int()).abs().max() < 16
    assert len(StoredFormat(0, 10, 1).encoded(SMOOTH)) < len(encoded)


@pytest.mark.parametrize("quality", [0, 90])
def test_smaller_images_are_means_and_are_enlarged_again(quality):
    form = StoredFormat(0, quality, 2)
    encoded = form.encoded(SMOOTH)
    restored = form.decoded(encoded, (32, 32))
    assert restored.shape == SMOOTH.shape
    assert (restored.int() - SMOOTH.int()).abs().max() < 16
    if not quality:
        means = SMOOTH.float().reshape(3, 16, 2, 16, 2).mean((2, 4))
        assert encoded.shape == (3, 16, 16)
        assert (encoded - means).abs().max() <= 0.5


def test_images_that_fit_are_stored_and_count_with_their_length(stream):
    method = taught(stream, "stfpm+replay", 1, memory_bytes=1900, jpeg_quality=50)
    lengths = [one.nbytes for one in stored(method)]
    assert len(lengths) == 2
    assert sum(lengths) <= 1900 < sum(lengths) * 3 / 2
    report = method.memory()
    assert report.stored_bytes - report.scoring_bytes == sum(lengths)
    (experience,) = (e for e in stream.experiences(images=True) if e.index == 2)
    first = stored(method)[0]
    method.observe(experience)
    groups = method.strategy_state["groups"]
    assert [len(group["stored"]) for group in groups] == [1, 1]
    assert torch.equal(groups[0]["stored"][0], first)  # not encoded again
    report = method.memory()
    assert report.stored_bytes - report.scoring_bytes <= 1900


def test_images_as_they_are_within_bytes_are_replayed_as_a_number_of_images(stream):
    plain = taught(stream, "stfpm+replay", 2, mem_size=4)
    counted = taught(stream, "stfpm+replay", 2, memory_bytes=4 * 3 * 32 * 32)
    assert distance(plain, counted) == 0
    assert distance(plain, taught(stream, "stfpm+replay", 2, mem_size=4, shrink=4)) > 0


def test_patches_within_bytes_count_as_vectors(stream):
    method = taught(stream, "feature_ae+replay", 1, memory_bytes=2 * 16 * 8 * 2)
    assert method.memory().stored_vectors == 2 * 16


def test_images_of_patches_and_budgets_without_room_are_errors(stream):
    with pytest.raises(UsageError, match="stores patches, not images"):
        taught(stream, "feature_ae+replay", 1, jpeg_quality=50)
    with pytest.raises(UsageError, match="memory_bytes=100 holds no training image, which has 307"):
        taught(stream, "stfpm+replay", 1, memory_bytes=100)


def test_stored_images_survive_a_restart():
    report = check_method(
        CLASSES["vae+replay"],
        stream=mock_stream(categories=2, train=2, test=2, side=4, dim=6),
        only=["declaration", "state", "memory"],
        **{**QUICK["vae"], "memory_bytes": 4000, "jpeg_quality": 80},
    )
    assert report.passed, report


def test_options_at_their_defaults_are_in_no_record():
    params = CLASSES["stfpm+replay"].Params()
    assert not {"memory_bytes", "jpeg_quality", "shrink"} & params.as_dict().keys()
    assert np.all([name in params.replace(shrink=2).as_dict() for name in ("shrink", "mem_size")])
