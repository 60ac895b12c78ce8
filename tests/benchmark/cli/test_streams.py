"""Closed, full and broken output: exit code 0 only if the work was done and the results printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cadbench.benchmark.cli.main import expand_home, run

from tests.results import conftest as of_results

make_record = of_results.make_record

FULL = "/dev/full"
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason="a Linux device")
CADBENCH = f"{sys.executable} -m cadbench"


def shell(line: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a line of shell."""
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=60, cwd="/", **options
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metrics >&-", "cannot write to standard output (Bad file descriptor)"),
        pytest.param("metrics >/dev/full", "no space left while writing", marks=needs_full),
        pytest.param("--help >/dev/full", "no space left while writing", marks=needs_full),
    ],
)
def test_results_that_cannot_be_written_are_an_error(line: str, said: str) -> None:
    done = shell(f"{CADBENCH} {line}")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("target", ["&-", pytest.param(FULL, marks=needs_full)])
def test_messages_that_cannot_be_written_change_nothing(target: str) -> None:
    assert shell(f"{CADBENCH} metrics 2>{target}").returncode == 0
    assert shell(f"{CADBENCH} metrics >&- 2>{target}").returncode == 1
    assert shell(f"{CADBENCH} metrcs 2>{target}").returncode == 2
    assert shell(f"{CADBENCH} metrics <&- >{FULL} 2>{target}").returncode == 1


def test_a_closed_descriptor_is_not_given_to_a_file(tmp_path: Path) -> None:
    """Else the output of libraries would end up in a record."""
    script = (
        "from cadbench.benchmark.cli.streams import protect_streams; import os, sys\n"
        "protect_streams()\n"
        "file = open(sys.argv[1], 'w'); os.system('echo a word >&2'); file.write('content')\n"
    )
    shell(f'{sys.executable} -c "{script}" {tmp_path / "file"} 2>&- >&- <&-')
    assert (tmp_path / "file").read_text() == "content"


def broken_pipe(words: list[str], cwd: Path) -> tuple[int, str]:
    """Run cadbench with a standard output whose reader is gone."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "cadbench", *words],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
        )
    return done.returncode, done.stderr


def test_a_broken_pipe_is_success_for_a_command_that_only_prints(
    make_record: Callable[..., Any], tmp_path: Path
) -> None:
    make_record()
    assert broken_pipe(["metrics"], tmp_path) == (0, "")
    code, said = broken_pipe(["export", "all", "--to", "a.zip"], tmp_path)
    assert (code, said.count("\n")) == (1, 1)
    assert "closed before all of it was printed (finished work is kept)" in said
    assert (tmp_path / "a.zip").is_file()


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ConnectionResetError()])
def test_a_broken_pipe_to_a_helper_process_is_a_failure(
    monkeypatch: Any, capsys: Any, error: Exception
) -> None:
    from cadbench.benchmark.cli.listing import metrics

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(metrics.command, "callback", fail)
    assert run(["metrics"]) == 1
    assert "error: a helper process of cadbench ended unexpectedly" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/a/b"), "cannot use /a/b: Permission denied"),
        (OSError(28, "No space left on device"), "no space left while writing a temporary file"),
        (OSError(5, "Input/output error", "/a/b"), "cannot use /a/b: Input/output error"),
    ],
)
def test_an_error_of_the_system_is_one_line_with_the_path(
    monkeypatch: Any, capsys: Any, error: Exception, said: str
) -> None:
    from cadbench.benchmark.cli.listing import metrics

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(metrics.command, "callback", fail)
    assert run(["metrics"]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


# --- completion and ~


def test_completion_prints_the_script_of_the_shell_or_nothing() -> None:
    def complete(instruction: str, **more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "cadbench"],
            env={**os.environ, "_CADBENCH_COMPLETE": instruction, **more},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    code, script = complete("bash_source")
    assert code == 0
    assert "complete -o nosort -F _cadbench_completion cadbench" in script
    assert "cadbench run" not in script
    for instruction in ("bash", "tcsh_source", "1", "bash_nothing"):
        assert complete(instruction) == (1, "")
    assert complete("bash_complete", COMP_WORDS="cadbench lead", COMP_CWORD="1") == (
        0,
        "plain,leaderboard\n",
    )
    options = complete("bash_complete", COMP_WORDS="cadbench table --", COMP_CWORD="2")
    assert "--intervals" in options[1]
    unknown = complete("bash_complete", COMP_WORDS="cadbench tabel --", COMP_CWORD="2")
    assert unknown == (1, "")


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("--out=~/runs", "--out=/home/me/runs"),
        ("~/runs", "/home/me/runs"),
        ("~", "/home/me"),
        ("--out=~", "--out=/home/me"),
        ("mvtec=~/data", "mvtec=/home/me/data"),
        ("--data-root=mvtec=~/data", "--data-root=mvtec=/home/me/data"),
        ("alphabetical,~/order.txt", "alphabetical,/home/me/order.txt"),
        ("./~/runs", "./~/runs"),
        ("a~/b", "a~/b"),
        ("~no such user/x", "~no such user/x"),
        ("--caption=~5 ms", "--caption=~5 ms"),
    ],
)
def test_the_home_folder_is_expanded_in_every_option(
    monkeypatch: Any, word: str, expanded: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expand_home(word) == expanded


@pytest.mark.parametrize(
    "words", [["report", "--to=~no-such-user/x.html"], ["run", "~no-such-user/s"]]
)
def test_the_home_of_an_unknown_user_is_refused(call: Any, words: list[str]) -> None:
    done = call(*words)
    assert done.code == 2
    assert done.err.startswith("error: there is no user 'no-such-user' for ~no-such-user; write ./")


def test_a_link_to_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    from cadbench.results.storage.files import storage_error

    (tmp_path / "runs").symlink_to(tmp_path / "gone")
    error = storage_error(FileExistsError(17, "File exists"), tmp_path / "runs" / "a" / "b")
    assert f"runs is a link to {tmp_path / 'gone'}, which does not exist; create it" in str(error)


def test_an_option_with_a_tilde_writes_to_the_home_folder(
    call: Any, make_record: Callable[..., Any], tmp_path: Path, monkeypatch: Any
) -> None:
    make_record()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert call("table", "--out=~/runs", "--to=~/table.csv").code == 0
    assert (tmp_path / "table.csv").is_file()
    assert not (tmp_path / "~").exists()


# --- hints, caches and messages of libraries


def test_a_path_that_cannot_be_written_is_reported_with_the_option_that_chose_it(
    call: Any, make_record: Callable[..., Any], tmp_path: Path, monkeypatch: Any
) -> None:
    make_record()
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    for words, option in (
        (("report", "--to", "file/x.html"), "--to"),
        (("leaderboard", "--publish", "file/x"), "--publish"),
        (("export", "all", "--to", "file/a"), "--to"),
    ):
        done = call(*words)
        assert done.code == 1
        assert done.err.startswith("error: cannot write file/"), done
        assert done.err.endswith(f"; choose another place with {option}\n")


def test_libraries_keep_their_caches_below_that_of_cadbench(tmp_path: Path) -> None:
    script = (
        "import os, sys, logging, warnings\n"
        "from cadbench.benchmark.cli import main\n"
        "main.run(['domains'], own_process=True)\n"
        "warnings.warn('a warning'); logging.getLogger('x').warning('a line')\n"
        "import numba, matplotlib\n"
        "print(numba.config.CACHE_DIR, matplotlib.get_cachedir())\n"
    )
    hidden = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "PYTHONWARNINGS", "CADBENCH_DEBUG")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    env = {**kept, "HOME": "/proc/none", "CADBENCH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    folder = tmp_path / "cache" / f"libraries-{os.getuid()}"
    assert done.stdout.splitlines()[-1] == f"{folder / 'numba'} {folder / 'matplotlib'}"
    assert done.stderr == ""
