"""Matrix products behind bounds are in full float32, even if a method has allowed TF32."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cadbench.benchmark.services.coresets.k_center import greedy_k_center
from cadbench.benchmark.services.neighbors import search
from cadbench.benchmark.services.precision import full_float32


@pytest.fixture
def tf32_allowed(monkeypatch) -> Iterator[list[bool]]:
    """Whether TF32 is allowed at each product, after a method has allowed it."""
    allowed = []
    products, addmm = torch.backends.cuda.matmul, torch.addmm

    def spy(*args, **options):
        allowed.append(products.fp32_precision == "tf32")
        return addmm(*args, **options)

    if not hasattr(products, "fp32_precision"):
        pytest.skip("this torch has only the older name")
    monkeypatch.setattr(torch, "addmm", spy)
    torch.set_float32_matmul_precision("high")
    yield allowed
    after = products.fp32_precision
    torch.set_float32_matmul_precision("highest")
    assert after == "tf32"


def test_selection_multiplies_in_full_float32_and_restores_the_setting(tf32_allowed):
    patches = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    greedy_k_center(patches, 20, 0)
    assert tf32_allowed
    assert not any(tf32_allowed)


def test_the_search_of_other_devices_multiplies_in_full_float32(tf32_allowed, monkeypatch):
    here = torch.rand(30, 4), torch.rand(10, 4)
    search_on_device = search._search_on_device
    monkeypatch.setattr(
        search,
        "_search_on_device",
        lambda queries, vectors: search_on_device(*here),
    )
    search.exact_search(here[0].to("meta"), here[1].to("meta"))
    assert tf32_allowed == [False]


def test_the_setting_is_restored_after_an_error(tf32_allowed):
    with pytest.raises(RuntimeError), full_float32():
        raise RuntimeError


def test_the_name_of_older_torch_versions_is_used(monkeypatch):
    older = SimpleNamespace(allow_tf32=True)
    monkeypatch.setattr(torch.backends.cuda, "matmul", older)
    with full_float32():
        assert older.allow_tf32 is False
    assert older.allow_tf32 is True
