"""Throw-away environments: cadbench is installed there, its dependencies are shared with ours."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

STARTED = "CADBENCH_TEST_STARTED"
"""Environment variable: the file to which every Python process appends its command line."""

_LIST_PROCESSES = f"""
import os, sys
if path := os.environ.get("{STARTED}"):
    with open(path, "a") as file:
        file.write(" ".join(sys.orig_argv) + "\\n")
"""


class Environment:
    """A virtual environment that sees the installed packages of the running interpreter.

    Their folders are on its path, but the path files in them are not read. So an editable cadbench
    of the running interpreter cannot be imported there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        venv.create(folder, symlinks=True, with_pip=False)
        (self.site,) = folder.glob("lib/python3*/site-packages")
        shared = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        (self.site / "shared.pth").write_text("\n".join(shared) + "\n")
        (self.site / "sitecustomize.py").write_text(_LIST_PROCESSES)

    def install(self, wheel: Path) -> None:
        """Install a wheel without its dependencies."""
        options = ("--no-deps", "--no-index", "--no-compile", "--ignore-installed")
        self._pip("install", *options, str(wheel))

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution."""
        self._pip("uninstall", "--yes", name)

    def _pip(self, *words: str) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
        done = subprocess.run(
            [*pip, "--python", str(self.python), *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def run(
        self, *command: str, folder: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment, such as `python` or `cadbench`.

        Args:
            command: the program's name and its arguments.
            folder: the current folder.
            variables: added to the environment variables, from which those that concern Python,
                pytest and cadbench are removed.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "CADBENCH", "COV", "LOKY"))
        }
        program, *words = command
        return subprocess.run(
            [str(self.folder / "bin" / program), *words],
            cwd=folder,
            env={**kept, "OMP_NUM_THREADS": "1", **(variables or {})},
            capture_output=True,
            text=True,
        )
