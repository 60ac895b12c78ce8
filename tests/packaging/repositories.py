"""Research repositories whose folders and files have the names of our packages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.packaging.building import ROOT
from tests.packaging.environments import STARTED, Environment

_BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), re.DOTALL)
(METHOD,) = (block for block in _BLOCKS if "class Mean(" in block)
(TEST,) = (block for block in _BLOCKS if "check_method(" in block)

SCRIPT = """
from pathlib import Path
Path(__file__).with_name("executed").touch()
raise SystemExit("this script must not be executed")
"""
ANALYSIS = """
from pathlib import Path
from cadbench import CadbenchError, Method, find_records
assert issubclass(CadbenchError, Exception) and Method.observe
print(len(find_records(Path("no runs"))), "records")
"""


class Repository:
    """A folder with the user's files, and the installation that is tried from it."""

    def __init__(self, folder: Path, environment: Environment, plates: Path) -> None:
        self.folder, self.environment, self.plates = folder, environment, plates
        self.started = folder / "started"

    def succeed(self, *command: str, **variables: str) -> str:
        """Run a command that must succeed; returns what it prints."""
        variables |= {STARTED: str(self.started), "CADBENCH_CACHE": str(self.folder / "cache")}
        done = self.environment.run(*command, folder=self.folder, variables=variables)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def run_method(self, method: str, *launcher: str, **variables: str) -> None:
        """`cadbench run` without cached features, so that worker processes decode the images."""
        options = ("--dataset", "folder", "--data-root", str(self.plates), "--image-size", "64")
        out = self.succeed(*launcher, "run", "-q", "--method", method, *options, **variables)
        assert method in out
        assert "loky" in self.started.read_text(), "no worker process was started"


def run_with_script(repository: Repository) -> None:
    repository.run_method("methods.mine:Mean", "cadbench")


def run_with_module(repository: Repository) -> None:
    repository.run_method("methods.mine:Mean", "python", "-m", "cadbench")


def run_with_path(repository: Repository) -> None:
    repository.run_method("methods.mine:Mean", "cadbench", PYTHONPATH=".")


def show_own_mecad(repository: Repository) -> None:
    assert "least = 0.01" in repository.succeed("cadbench", "methods", "mecad.method:Mean")


def test_with_module(repository: Repository) -> None:
    assert "2 passed" in repository.succeed("python", "-m", "pytest", "-p", "no:cacheprovider")


def test_with_script(repository: Repository) -> None:
    """Plain `pytest` does not put the current folder on the path."""
    pytest = "import sys; sys.path.remove(''); import pytest; sys.exit(pytest.console_main())"
    assert "2 passed" in repository.succeed("python", "-c", pytest, "-p", "no:cacheprovider")


def analyse(repository: Repository) -> None:
    assert repository.succeed("python", "analyse.py") == "0 records\n"


@dataclass(frozen=True)
class Shape:
    """Files of a repository by path, and what its user does there."""

    name: str
    files: dict[str, str] = field(repr=False)
    steps: tuple[Callable[[Repository], None], ...]


def _test(module: str) -> str:
    """The test of docs/plugins.md for a class in another module."""
    return TEST.replace("from mean_method import", f"from {module} import")


SHAPES = (
    Shape(
        "package methods, console script",
        {"methods/__init__.py": "", "methods/mine.py": METHOD},
        (run_with_script,),
    ),
    Shape(
        "package methods, python -m",
        {"methods/__init__.py": "", "methods/mine.py": METHOD},
        (run_with_module,),
    ),
    Shape(
        "folder methods without __init__.py",
        {"methods/mine.py": METHOD},
        (run_with_script,),
    ),
    Shape(
        "package results",
        {
            "results/__init__.py": "",
            "results/load.py": "",
            "mine.py": METHOD,
            "tests/test_mine.py": _test("mine"),
            "analyse.py": "import results.load\n" + ANALYSIS,
        },
        (test_with_module, analyse),
    ),
    Shape(
        "folder results with tables",
        {"results/table.csv": "a,b\n", "analyse.py": ANALYSIS},
        (analyse,),
    ),
    Shape(
        "script benchmark.py beside the test",
        {"benchmark.py": SCRIPT, "mine.py": METHOD, "test_mine.py": _test("mine")},
        (test_with_script,),
    ),
    Shape(
        "package benchmark",
        {
            "benchmark/__init__.py": "",
            "benchmark/method.py": METHOD,
            "analyse.py": "import benchmark.method\n" + ANALYSIS,
        },
        (analyse,),
    ),
    Shape(
        "package mecad",
        {"mecad/__init__.py": "", "mecad/method.py": METHOD, "analyse.py": ANALYSIS},
        (show_own_mecad, analyse),
    ),
    Shape(
        "all four names on PYTHONPATH",
        {
            "benchmark.py": SCRIPT,
            "mecad.py": SCRIPT,
            "methods/__init__.py": "",
            "methods/mine.py": METHOD,
            "results/__init__.py": "",
            "analyse.py": ANALYSIS,
        },
        (run_with_path, analyse),
    ),
)
