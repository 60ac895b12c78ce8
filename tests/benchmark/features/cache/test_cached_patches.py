"""Reading stored arrays: which rows come, in which type, and what else can be reached."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.features.cache.cached_patches import CachedPatchSource, DeviceCache
from cadbench.benchmark.features.cache.shards import Shard, ShardStore
from cadbench.results.errors import CadbenchError

SHARDS = (Shard(("a", "b", "c")), Shard(("d",)), Shard(("e", "f")))
CPU = torch.device("cpu")


@pytest.fixture
def values() -> np.ndarray:
    """(6, 4, 2) float16: the arrays of the six images."""
    return np.random.Generator(np.random.PCG64(0)).normal(size=(6, 4, 2)).astype(np.float16)


@pytest.fixture
def source(tmp_path, values) -> CachedPatchSource:
    store = ShardStore(tmp_path)
    for shard, rows in zip(SHARDS, (slice(0, 3), slice(3, 4), slice(4, 6)), strict=True):
        store.write(shard, values[rows])
    return CachedPatchSource(store, SHARDS, "spec", CPU)


@pytest.mark.parametrize("rows", [[0], [5, 0, 3], [2, 2, 4], range(6)])
def test_rows_are_read_in_the_requested_order_across_shards(source, values, rows):
    read = source.read(rows)
    assert read.dtype == torch.float32
    np.testing.assert_array_equal(read.numpy(), values[list(rows)].astype(np.float32))


def test_ids_rows_and_pieces_agree(source, values):
    assert source.ids == ("a", "b", "c", "d", "e", "f")
    assert [source.row_of[identity] for identity in source.ids] == list(range(6))
    assert [len(piece) for piece in source.arrays()] == [3, 1, 2]
    np.testing.assert_array_equal(np.concatenate(source.arrays()), values)


def test_images_stay_bytes(tmp_path):
    store = ShardStore(tmp_path)
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 3, 2, 4)
    store.write(Shard(("a",)), pixels)
    read = CachedPatchSource(store, [Shard(("a",))], "spec", CPU).read([0])
    assert read.dtype == torch.uint8
    np.testing.assert_array_equal(read.numpy(), pixels)


@pytest.mark.parametrize("row", [6, -1])
def test_a_row_that_is_not_there_is_refused(source, row):
    with pytest.raises(IndexError):
        source.read([row])


def test_what_is_read_is_a_copy(source):
    source.read([0]).fill_(7)
    assert not (source.read([0]) == 7).any()


def test_the_digest_depends_on_features_and_images_alone(source, tmp_path):
    again = CachedPatchSource(ShardStore(tmp_path / "elsewhere"), SHARDS, "spec", CPU)
    assert again.digest == source.digest
    assert CachedPatchSource(ShardStore(tmp_path), SHARDS, "other", CPU).digest != source.digest
    assert CachedPatchSource(ShardStore(tmp_path), SHARDS[:2], "spec", CPU).digest != source.digest


def test_features_deleted_during_the_run_are_one_clear_line(source, tmp_path):
    for path in tmp_path.rglob("*.npy"):
        path.unlink()
    with pytest.raises(CadbenchError, match="cached features disappeared during the run"):
        source.read([0])


@pytest.fixture
def read_again(source, tmp_path, monkeypatch) -> list[str]:
    """Digests of the shards that are opened from now on."""
    opened = []
    read = ShardStore.read
    monkeypatch.setattr(
        ShardStore, "read", lambda self, shard: opened.append(shard.digest) or read(self, shard)
    )
    return opened


def with_device_cache(tmp_path, budget: int) -> CachedPatchSource:
    return CachedPatchSource(
        ShardStore(tmp_path), SHARDS, "spec", CPU, device_cache=DeviceCache(budget)
    )


@pytest.mark.parametrize("rows", [[0], [5, 0, 3], [2, 2, 4], range(6)])
def test_the_device_cache_returns_what_is_stored(source, values, tmp_path, rows):
    cached = with_device_cache(tmp_path, 1000)
    assert torch.equal(cached.read(rows), source.read(rows))
    array, places = cached.find(rows)
    np.testing.assert_array_equal(array[list(places)].numpy(), values[list(rows)])
    with pytest.raises(IndexError):
        cached.read([6])


def test_the_device_cache_reads_once_and_returns_copies(source, tmp_path, read_again):
    cached = with_device_cache(tmp_path, 1000)
    cached.read([0]).fill_(7)
    cached.read_stored([0]).fill_(7)
    read_again.clear()
    assert not (cached.read([0]) == 7).any()
    cached.find([1, 5])
    assert read_again == []


def test_the_device_cache_keeps_the_latest_used_within_its_budget(
    source, values, tmp_path, read_again
):
    cache = DeviceCache(3 * values[0].nbytes)
    store = ShardStore(tmp_path)
    first, second, third = (
        CachedPatchSource(store, [shard], "spec", CPU, device_cache=cache) for shard in SHARDS
    )  # three images, one, two
    for source_of in (second, third, second, first):
        source_of.read([0])
    read_again.clear()
    first.read([2])
    assert read_again == []
    np.testing.assert_array_equal(second.read([0])[0].numpy(), values[3].astype(np.float32))
    read_again.clear()
    third.read([0])
    second.read([0])
    assert set(read_again) == {SHARDS[2].digest}


def test_a_source_larger_than_the_budget_is_read_as_without_a_device_cache(
    source, values, tmp_path
):
    cached = with_device_cache(tmp_path, values.nbytes - 1)
    np.testing.assert_array_equal(cached.read([4, 1]).numpy(), values[[4, 1]].astype(np.float32))
    array, places = cached.find([4, 1])
    np.testing.assert_array_equal(array[list(places)].numpy(), values[[4, 1]])
