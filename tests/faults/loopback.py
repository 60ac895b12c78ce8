"""An HTTP server on this machine that answers as badly as it is told to."""

from __future__ import annotations

import contextlib
import http.server
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    ranges: whether Range is heeded; cut, stall: bytes of the body after which the connection ends,
    or nothing more comes; pause: seconds between pieces; body: another one; length: whether it is
    announced; shift: how far a part begins from where it was asked for.
    """

    status: int = 200
    ranges: bool = True
    cut: int | None = None
    stall: int | None = None
    pause: float = 0.0
    body: bytes | None = None
    length: bool = True
    shift: int = 0


@dataclass
class Server:
    """What it has; the answers to come, the last of which stays; what was asked for."""

    url: str
    body: bytes
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving(body: bytes, answers: list[Answer]) -> Iterator[Server]:
    """A running server; `asked` gets the Range of each request, or nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            server.asked.append(asked)
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            with contextlib.suppress(ConnectionError):
                self._answer(answer, asked)

        def _answer(self, answer: Answer, asked: str) -> None:
            whole = server.body if answer.body is None else answer.body
            start = int(asked[len("bytes=") : -1]) if asked and answer.ranges else 0
            start += answer.shift if start else 0
            status = answer.status
            if status == 200 and start >= len(whole):
                status = 416
            elif status == 200 and start:
                status = 206
            body = whole[start:] if status in (200, 206) else b"no"
            self.send_response(status)
            if status == 206:
                ends = f"{start}-{len(whole) - 1}/{len(whole)}"
                self.send_header("Content-Range", f"bytes {ends}")
            if answer.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            stop = answer.cut if answer.cut is not None else answer.stall
            stop = len(body) if stop is None else stop
            for at in range(0, stop, 16384):
                self.wfile.write(body[at : min(at + 16384, stop)])
                time.sleep(answer.pause)
            if answer.stall is not None:
                self.wfile.flush()
                server.release.wait(60)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Server(f"http://127.0.0.1:{httpd.server_port}/mini.bin", body, answers)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with mock.patch.dict(os.environ, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"):
            yield server
    finally:
        server.release.set()
        httpd.shutdown()
        httpd.server_close()
