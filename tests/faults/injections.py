"""What can happen to a process from inside: each function arranges for one fault and returns.

They are called by name in a process that is about to run one command, see forking.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults.phases import PHASES, listen

MOVES = frozenset({"open", "replace", "rename", "unlink", "mkdir", "rmdir", "fsync", "write",
                   "close", "lockf", "flock"})  # fmt: skip
"""Calls that change what lies on the disk; a kill just before or after one is worth most."""


def count(path: str) -> None:
    """Write to this file, at each end of a phase, how many moments each phase has had."""
    seen = {phase: [0, 0] for phase in PHASES}

    def listener(phase: str) -> Callable[[], Any]:
        def note(moves: bool) -> None:
            seen[phase][moves] += 1

        @contextlib.contextmanager
        def counting() -> Iterator[None]:
            with _moments(note):
                yield
            lines = (f"{name} {every} {moves}" for name, (every, moves) in seen.items())
            Path(path).write_text("\n".join(lines))

        return counting

    for phase in PHASES:
        listen(phase, listener(phase))


def kill_at(phase: str, number: int, moves: bool) -> None:
    """SIGKILL at the moment of this number in a phase: a call or return of any function.

    moves: only those that change what lies on the disk are counted.
    """
    left = number

    def note(moving: bool) -> None:
        nonlocal left
        if moving or not moves:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    listen(phase, lambda: _moments(note))


@contextlib.contextmanager
def _moments(note: Callable[[bool], None]) -> Iterator[None]:
    """Call `note` at each call and return; its word is whether that one changes the disk."""

    def profile(frame: Any, event: str, called: Any) -> None:
        note(event in ("c_call", "c_return") and getattr(called, "__name__", "") in MOVES)

    outer = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(outer)


def die_in_a_write(size: int) -> None:
    """The system ends the process in the middle of the write that makes a file this long."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def small_files(size: int) -> None:
    """Files cannot grow beyond `size` bytes (EFBIG)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def small_memory(phase: str, spare: int) -> None:
    """From the first entry into the phase, `spare` bytes more than now are all there is."""

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        bound = pages * resource.getpagesize() + spare
        ctypes.CDLL(None).malloc_trim(0)
        resource.setrlimit(resource.RLIMIT_AS, (bound, resource.RLIM_INFINITY))

    _once(phase, limit)


def no_memory(phase: str, of_torch: bool) -> None:
    """An allocation fails at the first entry into the phase, as NumPy's or as torch's."""

    def fail() -> None:
        if of_torch:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't "
                               "allocate memory: you tried to allocate 7 bytes.")  # fmt: skip
        raise MemoryError

    _once(phase, fail)


def shell(phase: str, command: str, entry: int = 1) -> None:
    """Run a command at this entry into the phase."""
    _once(phase, lambda: subprocess.run(command, shell=True, check=True), entry)


def vanish(phase: str, path: str, entry: int = 1) -> None:
    """A folder or file is gone at this entry into the phase."""

    def remove() -> None:
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    _once(phase, remove, entry)


def replaced(phase: str, path: str, by: str, entry: int = 1) -> None:
    """A file gets another one's content at this entry into the phase."""
    _once(phase, lambda: shutil.copyfile(by, path), entry)


def unprivileged(folder: str) -> None:
    """Go on as a user who may write this folder and is not allowed what root is."""
    if os.geteuid() != 0:
        return
    for path in (Path(folder), *Path(folder).rglob("*")):
        os.chown(path, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def become(user: int, group: int, umask: int) -> None:
    """Continue as this user, whose new files get the permissions that `umask` leaves."""
    _open_interpreter()
    os.umask(umask)
    os.setgroups([group])
    os.setgid(group)
    os.setuid(user)
    from cadbench.benchmark.system.library_caches import set_library_caches, silence_libraries

    os.environ.pop("NUMBA_CACHE_DIR", None)
    set_library_caches()
    silence_libraries()


def _open_interpreter() -> None:
    """Let other users read Python where it lies in a home folder: for this process alone."""
    base = Path(sys.base_prefix)
    closed = [folder for folder in base.parents if not folder.stat().st_mode & 0o001]
    if not closed:
        return
    new_namespace = 0x20000
    assert ctypes.CDLL(None).unshare(new_namespace) == 0
    copy = Path("interpreter")
    copy.mkdir(exist_ok=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", base, copy], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", closed[-1]], check=True)
    base.mkdir(parents=True)
    subprocess.run(["mount", "--bind", copy, base], check=True)


def few_processes(spare: int) -> None:
    """The system starts only `spare` more processes and threads for this user."""
    resource.setrlimit(resource.RLIMIT_NPROC, (1 + spare, 1 + spare))


def decode_in_workers() -> None:
    """Images are decoded in worker processes, as they are outside these tests."""
    from tests.faults import forking

    forking.workers = None


def kill_a_worker(after: int) -> None:
    """SIGKILL to the decoding workers when this many shards are stored."""
    from cadbench.benchmark.features.cache import shards

    decode_in_workers()
    write, left = shards.ShardStore.write, after

    def written(*words: Any) -> None:
        nonlocal left
        write(*words)
        left -= 1
        if left == 0:
            kill_workers()

    shards.ShardStore.write = written  # type: ignore[method-assign]


def kill_workers() -> None:
    """SIGKILL to all worker processes of this one."""
    from tests.faults import forking

    for pool in forking.pools:
        for worker in list(pool._processes.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)


def no_room_for(name: str) -> None:
    """ENOSPC where a file whose name ends so takes its place."""
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if str(target).endswith(name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    os.replace = full


def broken_stream(descriptor: int, how: str) -> None:
    """Standard output or error is closed, full, or a pipe whose reader has ended."""
    from cadbench.benchmark.cli.streams import protect_streams

    name = {1: "stdout", 2: "stderr"}[descriptor]
    if how == "closed":
        os.close(descriptor)
        setattr(sys, name, None)
    elif how == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
    else:
        read, write = os.pipe()
        os.dup2(write, descriptor)
        os.close(read)
        os.close(write)
    protect_streams()


def no_flock() -> None:
    """The file system has no flock (ENOSYS)."""
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    fcntl.flock = refuse  # type: ignore[assignment]


def kill_the_tracker(after: int) -> None:
    """SIGKILL to loky's resource tracker when this many shards are stored."""
    from cadbench.benchmark.features.cache import shards
    from loky.backend import resource_tracker

    decode_in_workers()
    write, left = shards.ShardStore.write, after

    def written(*words: Any) -> None:
        nonlocal left
        write(*words)
        left -= 1
        if left == 0:
            os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)

    shards.ShardStore.write = written  # type: ignore[method-assign]


def _once(phase: str, action: Callable[[], object], entry: int = 1) -> None:
    entries = 0

    @contextlib.contextmanager
    def acting() -> Iterator[None]:
        nonlocal entries
        entries += 1
        if entries == entry:
            action()
        yield

    listen(phase, acting)
