"""Files are whole or not there, and what stands in the way is one line."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.figures.drawing.style import save
from cadbench.results.storage.files import seal, unseal, whole_file, write_bytes


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files cannot grow beyond 100 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_short_write_of_an_array_is_a_full_disk(tmp_path: Path, little_room: None) -> None:
    """NumPy says how much it wrote, and no error number."""
    with pytest.raises(CadbenchError, match=r"no space left while writing .*a\.npy"), whole_file(
        tmp_path / "a.npy"
    ) as partial, open(partial, "wb") as handle:  # fmt: skip
        np.save(handle, np.zeros(1000))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_a_figure_on_a_full_disk_is_one_line(tmp_path: Path, little_room: None, kind: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure((1, 1))
    figure.subplots()
    with pytest.raises(CadbenchError, match="no space left while writing"):
        save(figure, tmp_path / f"curve.{kind}", "A caption.")
    assert not list(tmp_path.iterdir())


def test_a_sealed_file_that_is_there_and_not_whole_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "sealed"
    told: list[Path] = []
    assert unseal(path, told.append) is None
    assert told == []
    path.write_bytes(seal(b"content"))
    assert unseal(path, told.append) == b"content"
    assert told == []
    for damaged in (b"", seal(b"content")[:-1], seal(b"content")[:-1] + b"?"):
        path.write_bytes(damaged)
        assert unseal(path, told.append) is None
    assert told == [path] * 3


def test_a_file_is_replaced_and_a_pipe_or_folder_is_not(tmp_path: Path) -> None:
    file, pipe = tmp_path / "new" / "file", tmp_path / "pipe"
    for content in (b"old", b"new"):
        write_bytes(file, content)
    assert file.read_bytes() == b"new"
    os.mkfifo(pipe)
    for other in (pipe, file.parent, Path(), Path("..")):
        with pytest.raises(CadbenchError, match="not a file"):
            write_bytes(other, b"new")
    assert pipe.is_fifo()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "pipe"]


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_durable_file_is_flushed_to_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda _: flushed.append((tmp_path / "record").exists()))
    write_bytes(tmp_path / "record", b"x", durable=True)
    write_bytes(tmp_path / "cached", b"x")
    assert flushed == [False]


def test_a_file_of_another_user_is_not_called_damaged(tmp_path: Path, monkeypatch) -> None:
    damaged: list[Path] = []
    write_bytes(tmp_path / "file", seal(b"content"))
    assert unseal(tmp_path / "file", damaged.append) == b"content"
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CadbenchError, match=r"file \(Permission denied\); it belongs"):
        unseal(tmp_path / "file", damaged.append)
    assert damaged == []
    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(CadbenchError, match=r"cannot write .*Permission denied"):
        write_bytes(tmp_path / "other", b"")
