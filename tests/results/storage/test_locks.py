"""Locks with and without `flock`: one holder at a time, and a killed one blocks nobody."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cadbench.results.storage import soft_locks
from cadbench.results.storage.locks import file_lock, record_lock

HOLDER = """
import errno, fcntl, os, sys, time
def refuse(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = refuse
from pathlib import Path
from cadbench.results.storage.locks import file_lock
with file_lock(Path(sys.argv[1]), wait=True) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["flock", errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def system(request: Any, monkeypatch: Any) -> None:
    """A file system with flock, and some without."""
    if request.param == "flock":
        return

    def refuse(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("system")
def test_one_holder_at_a_time(tmp_path: Path) -> None:
    final = tmp_path / "new" / "seed-0"
    with record_lock(final, wait=False) as first:
        assert first
        with record_lock(final, wait=False) as second:
            assert not second
    with record_lock(final, wait=True) as third:
        assert third
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.usefixtures("system")
def test_many_threads_take_turns(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        with file_lock(tmp_path / "lock", wait=True):
            inside += 1
            most = max(most, inside)
            time.sleep(0.001)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_killed_holder_without_flock_blocks_nobody(tmp_path: Path, monkeypatch: Any) -> None:
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(fcntl, "flock", refuse)
        with file_lock(lock, wait=False) as held:
            assert not held
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with file_lock(lock, wait=False) as held:
            assert held
    assert not list(tmp_path.glob("*-holder*"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"machine": "other", "process": 1}'])
def test_the_file_of_another_machine_counts_while_it_is_touched(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "holder"
    path.write_bytes(content)
    with soft_locks.soft_lock(path, wait=False) as held:
        assert not held
    old = time.time() - 1000
    os.utime(path, (old, old))
    with soft_locks.soft_lock(path, wait=True) as held:
        assert held
    assert not list(tmp_path.iterdir())


def test_a_later_process_with_the_same_id_is_not_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "holder"
    with soft_locks.soft_lock(path, wait=False):
        holder = json.loads(path.read_text())
    path.write_text(json.dumps({**holder, "began": "1"}))
    with soft_locks.soft_lock(path, wait=False) as held:
        assert held


def test_no_file_names_a_machine(tmp_path: Path) -> None:
    import socket

    with soft_locks.soft_lock(tmp_path / "holder", wait=False):
        assert socket.gethostname() not in (tmp_path / "holder").read_text()


def test_only_this_module_decides_how_files_are_locked() -> None:
    """A lock of filelock itself blocks others for ever where there is no flock."""
    import cadbench

    root = Path(cadbench.__file__).parent
    files = [
        path for room in ("benchmark", "methods", "results") for path in (root / room).rglob("*.py")
    ]
    users = [path.relative_to(root).as_posix() for path in files if "FileLock" in path.read_text()]
    assert users == ["results/storage/locks.py"]
