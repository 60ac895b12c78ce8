"""Writing files: what takes the place of an older one, and what is never replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from results.errors import CadbenchError
from results.files import write_bytes


def test_a_file_is_replaced_and_a_pipe_or_folder_is_not(tmp_path: Path) -> None:
    file, pipe = tmp_path / "new" / "file", tmp_path / "pipe"
    for content in (b"old", b"new"):
        write_bytes(file, content)
    assert file.read_bytes() == b"new"
    os.mkfifo(pipe)
    for other in (pipe, file.parent, Path(), Path("..")):
        with pytest.raises(CadbenchError, match="it is no file"):
            write_bytes(other, b"new")
    assert pipe.is_fifo()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "pipe"]
