"""Products that bounds rest on are in full float32, whatever a method has set for its process."""

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
def seen(monkeypatch) -> Iterator[list[bool]]:
    """Whether TF32 was allowed, at each product; a method has allowed it before."""
    allowed = []
    products, addmm = torch.backends.cuda.matmul, torch.addmm

    def watched(*given, **options):
        allowed.append(products.fp32_precision == "tf32")
        return addmm(*given, **options)

    if not hasattr(products, "fp32_precision"):
        pytest.skip("this torch has the older name alone")
    monkeypatch.setattr(torch, "addmm", watched)
    torch.set_float32_matmul_precision("high")
    yield allowed
    after = products.fp32_precision
    torch.set_float32_matmul_precision("highest")
    assert after == "tf32"


def test_selection_multiplies_in_full_float32_and_puts_the_setting_back(seen):
    patches = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    greedy_k_center(patches, 20, 0)
    assert seen
    assert not any(seen)


def test_the_search_of_other_devices_multiplies_in_full_float32(seen, monkeypatch):
    here = torch.rand(30, 4), torch.rand(10, 4)
    way = search._torch_search
    monkeypatch.setattr(
        search,
        "_torch_search",
        lambda queries, blocks, bounds: way(here[0], [here[1]], torch.ones(30)),
    )
    search.torch_search(here[0].to("meta"), [here[1].to("meta")])
    assert seen == [False]


def test_the_setting_is_put_back_after_an_error(seen):
    with pytest.raises(RuntimeError), full_float32():
        raise RuntimeError


def test_an_older_torch_is_asked_by_the_older_name(monkeypatch):
    older = SimpleNamespace(allow_tf32=True)
    monkeypatch.setattr(torch.backends.cuda, "matmul", older)
    with full_float32():
        assert older.allow_tf32 is False
    assert older.allow_tf32 is True
