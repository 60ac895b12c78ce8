"""Building cadbench from a copy of the checkout, as a build front end would."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_checkout(folder: Path) -> Path:
    """Copy what belongs to the project, because building writes next to the sources."""
    for name in ("benchmark", "methods", "mecad", "results", "docs", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in filter(Path.is_file, ROOT.iterdir()):
        shutil.copy(file, folder)
    return folder


def build(source: Path, kind: str, folder: Path) -> Path:
    """Build a distribution with the backend that pyproject.toml names.

    Args:
        source: folder of pyproject.toml.
        kind: `wheel`, `sdist` or `editable`.
        folder: where the distribution is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    code = (
        "import sys; from setuptools import build_meta; "
        f"print(build_meta.build_{kind}(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / done.stdout.splitlines()[-1]


def unpack_sdist(sdist: Path, folder: Path) -> Path:
    """Unpack a source distribution; returns its folder of pyproject.toml."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


def read_wheel(wheel: Path) -> dict[str, bytes]:
    """Content of every file of a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Write a wheel of version 1.0 by hand."""
    info = f"{name}-1.0.dist-info"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
        archive.writestr(f"{info}/RECORD", record)
    return wheel
