"""Banks in fewer bytes: what is stored is what scores, and its bytes are counted."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.banks.compression import CodeLayout, StorageParams, compress, quantize

RNG = np.random.default_rng(0)
VECTORS = torch.from_numpy(RNG.normal(size=(90, 24)).astype(np.float32))

SMALL = {
    "patchcore": {"class_budget": 30, "bank_budget": 70},
    "finetune": {"bank_budget": 30},
    "incremental_coreset": {"class_budget": 30, "bank_budget": 70},
    "per_category": {"class_budget": 30},
    "patchcore_cl": {"total_budget": 90},
    "gcr": {"class_budget": 30},
}


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


def taught(stream, name, **params):
    kind = load_method(name)
    method = stream.build(kind, stream.resolved(kind, **SMALL[name], **params))
    for experience in stream.experiences():
        method.observe(experience)
    return method


def banks_of(method):
    return [[bank] for bank in method.banks] if hasattr(method, "banks") else [method.bank]


@pytest.mark.parametrize(("values", "codes"), [(8, 3), (5, 4), (1, 24), (13, 1), (100, 1)])
@pytest.mark.parametrize(("bits", "used"), [(3, 3), (8, 6)])
def test_the_bytes_are_those_of_faiss(values, codes, bits, used):
    """Codes have a number of values that divides 24; 90 vectors allow 64 centroids."""
    layout = CodeLayout(24, 90, StorageParams(storage="pq", pq_values=values, pq_bits=bits))
    assert (layout.codes, layout.bits) == (codes, used)
    quantizer = faiss.ProductQuantizer(24, codes, used)
    quantizer.cp.min_points_per_centroid = 1
    quantizer.train(VECTORS.numpy())
    stored = quantizer.compute_codes(VECTORS.numpy()).nbytes
    stored += faiss.vector_to_array(quantizer.centroids).nbytes
    assert layout.nbytes == stored


def test_decoded_vectors_are_made_of_centroids_and_their_error_falls_with_the_bits():
    errors = []
    for bits in (1, 3, 6):
        layout = CodeLayout(24, 90, StorageParams(storage="pq", pq_values=8, pq_bits=bits))
        decoded = quantize(VECTORS, layout, seed=1)
        for code in decoded.view(90, 3, 8).unbind(1):
            assert len(np.unique(code.numpy(), axis=0)) <= 2**bits
        errors.append(float((decoded - VECTORS).square().mean()))
        assert torch.equal(decoded, quantize(VECTORS, layout, seed=1))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < float((VECTORS - VECTORS.mean(0)).square().mean())


def test_as_many_centroids_as_vectors_lose_nothing():
    layout = CodeLayout(24, 64, StorageParams(storage="pq", pq_bits=8))
    torch.testing.assert_close(quantize(VECTORS[:64], layout, seed=0), VECTORS[:64])


@pytest.mark.parametrize("name", SMALL)
def test_half_precision_halves_the_bytes_and_rounds_vectors(stream, name):
    full, half = (taught(stream, name, storage=storage) for storage in ("float32", "float16"))
    assert half.memory().stored_bytes * 2 == full.memory().stored_bytes
    for bank in banks_of(half):
        for block in bank:
            assert torch.equal(block.vectors, block.vectors.half().float())
            assert block.places is not None


@pytest.mark.parametrize("name", SMALL)
def test_quantized_banks_count_codes_and_codebooks(stream, name):
    full, coded = (taught(stream, name, storage=storage) for storage in ("float32", "pq"))
    expected = 0
    for bank, plain in zip(banks_of(coded), banks_of(full), strict=True):
        (block,) = bank
        assert len(block) == sum(len(part) for part in plain)
        layout = CodeLayout(24, len(block), coded.params)
        expected += layout.nbytes
        for code in block.vectors.unflatten(1, (layout.codes, -1)).unbind(1):
            assert len(np.unique(code.numpy(), axis=0)) <= 2**layout.bits
    assert coded.memory().stored_bytes == expected
    assert coded.memory().stored_vectors == full.memory().stored_vectors


def test_float16_features_lose_nothing():
    block = Block.of(VECTORS.half().float())
    assert compress(None, StorageParams(storage="float16"), [block]) == [block]


@pytest.mark.parametrize("storage", ["float32", "float16", "pq"])
def test_compressed_banks_know_their_category_also_after_a_checkpoint(stream, storage):
    method = taught(stream, "per_category", storage=storage)
    restored = stream.build(type(method), method.params)
    restored.load_state_dict(method.state_dict())
    for each in (method, restored):
        assert [bank.category for bank in each.banks] == each.categories


@pytest.mark.parametrize("storage", ["float16", "pq"])
@pytest.mark.parametrize("name", ["patchcore", "patchcore_cl"])
def test_compressed_banks_keep_the_rules_and_their_state_is_as_small(name, storage):
    small = mock_stream(train=4, test=4, side=4, dim=64)
    report = check_method(
        load_method(name),
        only=["state", "memory", "claims"],
        stream=small,
        **SMALL[name],
        storage=storage,
    )
    assert report.passed, report
