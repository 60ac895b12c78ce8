"""Shards on disk: what comes back, what counts as absent, and what their names depend on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from cadbench.benchmark.features.cache import shards
from cadbench.benchmark.features.cache.shards import SHARD_SIZE, Shard, ShardStore, shards_of
from cadbench.results.errors import CadbenchError
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmark.samples import an_item

SHARD = Shard(("aa", "bb", "cc"))


def an_array() -> np.ndarray:
    return np.random.Generator(np.random.PCG64(0)).normal(size=(3, 4, 5)).astype(np.float16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8])
def test_what_is_written_comes_back_mapped_and_read_only(tmp_path, dtype):
    store = ShardStore(tmp_path)
    array = (an_array() * 9).astype(dtype)
    assert SHARD not in store
    store.write(SHARD, array)
    for reader in (store, ShardStore(tmp_path)):
        assert SHARD in reader
        back = reader.read(SHARD)
        assert isinstance(back, np.memmap)
        assert not back.flags.writeable
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, array)


def test_an_array_in_another_memory_order_comes_back_right(tmp_path):
    store = ShardStore(tmp_path)
    array = an_array().transpose(0, 2, 1)[:, ::-1]
    store.write(SHARD, array)
    np.testing.assert_array_equal(store.read(SHARD), array)


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "one byte short":
        path.write_bytes(whole[:-1])
    elif how == "flipped bit":
        path.write_bytes(whole[:150] + bytes([whole[150] ^ 1]) + whole[151:])
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "zeroed":
        path.write_bytes(bytes(len(whole)))
    elif how == "removed":
        path.unlink()


@pytest.mark.parametrize(
    "how", ["truncated", "one byte short", "flipped bit", "emptied", "zeroed", "removed"]
)
def test_a_damaged_file_counts_as_absent_and_is_computed_again(tmp_path, how):
    ShardStore(tmp_path).write(SHARD, an_array())
    damage(ShardStore(tmp_path).path(SHARD), how)
    store = ShardStore(tmp_path)
    assert SHARD not in store
    store.write(SHARD, an_array())
    assert SHARD in ShardStore(tmp_path)


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("store")
    store = ShardStore(folder)
    store.write(SHARD, an_array())
    path = store.path(SHARD)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    assert SHARD not in ShardStore(folder)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    store = ShardStore(tmp_path)
    with pytest.raises(ValueError, match="allow_pickle"):
        store.write(SHARD, np.array([object()]))
    assert SHARD not in store
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(CadbenchError, match="cannot write"):
        ShardStore(tmp_path / "store").write(SHARD, an_array())


def test_shards_hold_sorted_contents_so_file_names_and_their_order_change_nothing():
    items = [an_item(content=f"{n:03d}") for n in range(70)]
    renamed = [dataclasses.replace(item, path=f"other/{n}.png") for n, item in enumerate(items)]
    assert shards_of(renamed[::-1]) == shards_of(items)
    assert [shard.ids for shard in shards_of(items)] == [
        tuple(f"{n:03d}" for n in range(start, min(start + SHARD_SIZE, 70)))
        for start in (0, 32, 64)
    ]


@given(st.lists(st.integers(0, 99).map(lambda n: f"{n:02d}"), min_size=1, max_size=150))
def test_every_image_is_in_one_shard_however_often_it_occurs(contents):
    made = shards_of(an_item(content=content) for content in contents)
    ids = [identity for shard in made for identity in shard.ids]
    assert ids == sorted(set(contents))
    assert all(1 <= len(shard.ids) <= SHARD_SIZE for shard in made)


def test_an_array_that_is_read_again_stays_open_within_bytes(tmp_path, monkeypatch):
    store, array = ShardStore(tmp_path), an_array()
    others = Shard(("dd",)), Shard(("ee",))
    for shard in (SHARD, *others):
        store.write(shard, array)
    monkeypatch.setattr(shards, "_OPEN_BYTES", 2 * array.nbytes)
    first = store.read_cached(SHARD)
    np.testing.assert_array_equal(first, array)
    store.read_cached(others[0])
    assert store.read_cached(SHARD) is first
    store.read_cached(others[1])  # in place of the one that was read longest ago
    assert store.read_cached(SHARD) is first
    monkeypatch.setattr(shards, "_OPEN_BYTES", 1)
    assert store.read_cached(others[0]) is store.read_cached(others[0])
    assert store.read_cached(SHARD) is not first


def test_no_images_make_no_shards():
    assert shards_of([]) == ()


def test_other_images_lie_in_another_file(tmp_path):
    store = ShardStore(tmp_path)
    assert store.path(Shard(("aa", "bb"))) != store.path(SHARD)
    assert store.path(Shard(SHARD.ids)) == store.path(SHARD)


def test_a_shard_of_another_user_is_not_called_damaged(tmp_path, monkeypatch):
    store = ShardStore(tmp_path)
    store.write(SHARD, an_array())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shards, "open", refuse, raising=False)
    with pytest.raises(CadbenchError, match="it belongs to another user"):
        _ = SHARD in ShardStore(tmp_path)
