"""A download in a process of its own, to be killed.

    python -m tests.faults.child URL ARCHIVE ROOT PLACE

ARCHIVE: a copy of what URL serves. Says `held` when PLACE is reached (`unpack`: three files are
written; `settle`: all is unpacked and checked, and not yet renamed; `none`), and waits there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cadbench.benchmark.data.download import download
from cadbench.benchmark.data.download import unpack as download_unpack
from cadbench.benchmark.system.reporting import Silent

from tests.faults.miniature import entry


def main(url: str, archive: str, root: str, place: str) -> None:
    written = 0
    write, settle = download_unpack.write_member, download._move_into_place

    def held_write(*words: Any) -> Any:
        nonlocal written
        written += 1
        if place == "unpack" and written == 4:
            _hold()
        return write(*words)

    def held_settle(*words: Any) -> None:
        if place == "settle":
            _hold()
        settle(*words)

    download_unpack.write_member = held_write  # type: ignore[assignment]
    download._move_into_place = held_settle
    download.download(entry(Path(archive).read_bytes(), url), Path(root), Silent())


def _hold() -> None:
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
