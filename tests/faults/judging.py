"""A small world that commands are called in, and the judge of what they answer there.

The rules: what is refused ends with 1 or 2, says one line, and changes no file outside the cache;
what is accepted ends with 0. Neither shows a traceback, a warning of Python's, or a character that
a terminal would act on, needs long, or leaves half of a file behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from cadbench.results.sanitizing import is_printable

from tests.benchmark.data.readers.miniatures import draw_mvtec
from tests.conftest import draw_dataset, pixel_features
from tests.faults.written_files import PROTOCOL, as_toml

PATIENCE = 120
"""Seconds until a call is taken to hang; all inputs are tiny, but machines may be busy."""

_ERROR = re.compile(r"(cadbench[a-z -]*: )?error: .")
_FOREIGN = re.compile(r"Traceback|internal error|^\S+:\d+: \w*Warning|out of memory", re.MULTILINE)
_MOST_LINES = 20

TELLS_FIRST = (
    *("check", "data info", "data verify", "data download", "compare", "import", "figure"),
)
"""Commands that may print a table, or what they could do, before the line that refuses the rest."""
SEVERAL_LINES = ("data verify", "import", "show", "export", "check", "runs show", "runs rm")
"""One line per dataset or export; the others list the runs that could be meant."""


@dataclass(frozen=True)
class Verdict:
    """What became of a call: accepted, refused or fault; why: the rule that was broken."""

    outcome: str
    why: str = ""


@dataclass(frozen=True)
class Answer:
    """Exit code (None where it raised), both streams, and what changed outside the cache."""

    code: int | None
    out: str
    err: str
    changed: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()


class _TooLong(BaseException):
    """No `except Exception` of the program takes this for its own."""


@dataclass
class World:
    """Folders `data`, `runs`, `files` and an empty current folder, six levels below the root.

    Cleaned after each call; `keep` is called once all is there.
    """

    root: Path
    _pristine: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def cwd(self) -> Path:
        return self.root / "a" / "b" / "c" / "d" / "here"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def keep(self) -> None:
        """Take what is there now as what every call finds."""
        copy = self.root.with_name("pristine")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(
            self.root,
            copy,
            symlinks=True,
            ignore=lambda folder, _: ["cache", "tree"] if Path(folder) == self.root else [],
        )
        self._pristine = self._listing()

    def call(self, words: Sequence[str]) -> Answer:
        """`cadbench` with these words, in this process."""
        self.cache.mkdir(exist_ok=True)
        before = self._listing()
        code, out, err = _captured(words, self.cwd)
        after = self._listing()
        changed = tuple(
            sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
        )
        left = [path for path in after.keys() - before.keys() if ".partial" in path]
        left += [str(path) for path in self.cache.rglob("*.partial*")]
        answer = Answer(code, out, err, changed, tuple(left))
        if changed:
            self._restore(changed)
        return answer

    def _listing(self) -> dict[str, tuple[int, ...]]:
        """Path -> type, size and time of change of all that lies outside the cache."""
        found: dict[str, tuple[int, ...]] = {}
        for folder, folders, files in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if name != "cache"]
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                status = os.lstat(path)
                of_file = (0, 0) if name in folders else (status.st_size, status.st_mtime_ns)
                found[os.path.relpath(path, self.root)] = (status.st_mode, *of_file)
        return found

    def _restore(self, changed: Sequence[str]) -> None:
        for path in changed:
            there = self.root / path
            if there.is_symlink() or there.is_file():
                there.unlink()
            else:
                shutil.rmtree(there, ignore_errors=True)
        pristine = self.root.with_name("pristine")
        for path in sorted(path for path in changed if path in self._pristine):
            source, there = pristine / path, self.root / path
            if source.is_dir():
                there.mkdir(exist_ok=True)
            else:
                shutil.copy2(source, there)


def judge(answer: Answer, command: str) -> Verdict:
    """Whether the answer keeps the rules; command: such as `table` or `data info`."""
    if answer.code is None:
        return Verdict("fault", answer.err)
    said = f"{answer.out}\n{answer.err}"
    if found := _FOREIGN.search(said):
        return Verdict("fault", f"{found[0]}: {answer.err.strip().splitlines()[-1:]}")
    if answer.unfinished:
        return Verdict("fault", f"left half of a file: {answer.unfinished[0]}")
    for line in said.split("\n"):
        if not is_printable(line.replace("\t", "")):
            return Verdict("fault", f"a character that acts on a terminal: {line[:200]!a}")
    lines = answer.err.splitlines()
    if len(lines) > _MOST_LINES:
        return Verdict("fault", f"{len(lines)} lines on standard error")
    if answer.code == 0:
        if any(_ERROR.match(line) for line in lines):
            return Verdict("fault", f"an error, and exit code 0: {answer.err!a}")
        return Verdict("accepted")
    return _judge_refused(answer, command, lines)


def _judge_refused(answer: Answer, command: str, lines: Sequence[str]) -> Verdict:
    if answer.code not in (1, 2):
        return Verdict("fault", f"exit code {answer.code}")
    told_why = [line for line in lines if _ERROR.match(line)]
    failed_checks = command in ("check", "data verify") and answer.code == 1 and answer.out
    if not told_why and not failed_checks:
        return Verdict("fault", f"refused without a reason: {answer.err!a}")
    if command not in SEVERAL_LINES and (len(told_why) > 1 or told_why[0] != lines[-1]):
        return Verdict("fault", f"not one line, the last: {answer.err!a}")
    if answer.out and command not in TELLS_FIRST:
        return Verdict("fault", f"output before it refuses: {answer.out[:200]!a}")
    if answer.changed and command != "import":
        return Verdict("fault", f"refused, but changed {', '.join(answer.changed[:3])}")
    return Verdict("refused")


def _captured(words: Sequence[str], cwd: Path) -> tuple[int | None, str, str]:
    """What a process with these words would answer,
    libraries that write to the streams included."""
    from cadbench.benchmark.cli.main import run

    def ring(*_: Any) -> None:
        raise _TooLong

    before = os.getcwd()
    code: int | None = None
    trouble = ""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _streams_to(out, err):
            handler = signal.signal(signal.SIGALRM, ring)
            signal.alarm(PATIENCE)
            try:
                os.chdir(cwd)
                code = run(list(words))
            except _TooLong:
                trouble = f"took more than {PATIENCE} seconds"
            except BaseException as error:
                trouble = f"raised {type(error).__name__}: {error}"
            finally:
                signal.alarm(0)
                signal.signal(signal.SIGALRM, handler)
                os.chdir(before)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return code, texts[0], trouble or texts[1]


@contextlib.contextmanager
def _streams_to(out: Any, err: Any) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    with (
        open(1, "w", encoding="utf-8", closefd=False) as stdout,
        open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False) as stderr,
        open(os.devnull) as stdin,
        mock.patch.multiple(sys, stdout=stdout, stderr=stderr, stdin=stdin),
    ):
        try:
            yield
        finally:
            stdout.flush()
            stderr.flush()
            for number, stream in enumerate(kept, start=1):
                os.dup2(stream, number)
                os.close(stream)


@contextlib.contextmanager
def standing_in(world: World) -> Iterator[None]:
    """Nothing leaves the world: no network, no backbone, no home folder, no cache of the user's."""
    from cadbench.benchmark.data.download import download
    from cadbench.benchmark.features.feature_set import FeatureSet
    from cadbench.results.errors import CadbenchError
    from huggingface_hub import constants

    def no_network(*_: Any, **__: Any) -> None:
        raise CadbenchError("no network in this campaign")

    environment = {
        "CADBENCH_CACHE": str(world.cache),
        "HOME": str(world.root / "home"),
        "COLUMNS": "200",
    }
    hidden = ("CADBENCH_DATA", "CADBENCH_DEBUG", "RAY_ADDRESS")
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(constants, "HF_HUB_OFFLINE", True),
        mock.patch.object(constants, "HF_HUB_CACHE", str(world.root / "home" / "hub")),
        mock.patch.object(download, "download", no_network),
        mock.patch.object(FeatureSet, "_extractor", return_value=pixel_features),
    ):
        for name in hidden:
            os.environ.pop(name, None)
        yield


def own_backbone() -> contextlib.AbstractContextManager[Any]:
    """Within `standing_in`: the backbone reads its weights, as a user's would."""
    from cadbench.benchmark.features.feature_set import FeatureSet

    def extractor(self: FeatureSet, weights: Any) -> Any:
        from cadbench.benchmark.features.extractor import load_extractor

        return load_extractor(self.spec, weights, self.device)

    return mock.patch.object(FeatureSet, "_extractor", extractor)


def build_world(root: Path) -> World:
    """A drawn dataset, records of two methods, an export of them, and files that options take."""
    world = World(root / "world")
    for folder in (world.cwd, world.root / "home", world.root / "files", world.root / "data"):
        folder.mkdir(parents=True)
    few: Mapping[str, Any] = {"train": 3, "good": 2, "defective": 2}
    plates = draw_dataset(world.root / "data" / "plates", ("apple", "bolt", "cork"), **few)
    files = world.root / "files"
    (files / "order.txt").write_text("cork\napple\nbolt\n")
    (files / "text.txt").write_text("not what is asked for\n")
    (files / "bytes.bin").write_bytes(bytes(range(256)))
    draw_mvtec(world.root / "data" / "mvtec", ("bottle", "cable"))
    study = ["run", "--data-root", str(plates), "--image-size", "64", "--device", "cpu", "-q"]
    out = ["--out", str(world.root / "runs")]
    small = ["--set", "mecad.class_budget=10", "--set", "mecad.expert_budget=30"]
    methods = ["--method", "mecad", "--method", "finetune", "--method", "joint", *small]
    with standing_in(world):
        call(world, *study, *methods, *out)
        (files / "cells.json").write_text(
            call(world, *study, "--method", "finetune", "--dry-run", "--format", "json").out
        )
        (files / "plates.toml").write_text(as_toml(PROTOCOL))
        (files / "protocol.toml").write_text(call(world, "protocols", "synthetic-1x15").out)
        for name in ("export.zip", "export.tar.gz", "export"):
            call(world, "export", "all", *out, "--to", str(files / name))
    (files / "cut.zip").write_bytes((files / "export.zip").read_bytes()[:2000])
    world.keep()
    return world


def call(world: World, *words: str) -> Answer:
    """A call that must succeed; its files stay."""
    code, out, err = _captured(words, world.cwd)
    assert code == 0, (words, out, err)
    return Answer(code, out, err)
