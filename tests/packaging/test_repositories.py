"""An installed cadbench works in repositories that use the names of its packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.building import ROOT, write_wheel
from tests.packaging.environments import Environment
from tests.packaging.repositories import METHOD, SHAPES, Repository, Shape

pytestmark = pytest.mark.packaging

FACE = "import cadbench; cadbench.Method; cadbench.find_records; print(cadbench.__version__)"
SHORT_NAMES = ("benchmark.interface.method", "methods.banks.patchcore", "mecad.method")


def assert_built_in_methods_load(repository: Repository) -> None:
    listed = repository.succeed("cadbench", "methods")
    for name in ("mecad", "patchcore", "per_category", "feature_ae+ewc"):
        assert f"\n{name}" in f"\n{listed}"
    assert "cannot be imported" not in listed


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_command_works(
    shape: Shape, environment: Environment, plates: Path, tmp_path: Path
) -> None:
    repository = Repository(tmp_path, environment, plates)
    for path, text in shape.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert repository.succeed("python", "-c", FACE).count(".") == 2
    assert_built_in_methods_load(repository)
    for step in shape.steps:
        step(repository)
    assert not (tmp_path / "executed").exists()


def test_a_distribution_with_our_short_names_comes_and_goes(
    environment: Environment, plates: Path, tmp_path: Path
) -> None:
    """Its files are not ours: neither overwritten when it is installed nor deleted with it."""
    repository = Repository(tmp_path, environment, plates)
    files = {f"{name}/__init__.py": "" for name in ("benchmark", "mecad", "methods", "results")} | {
        "benchmark/runner.py": "print('the other runner')",
        "results/errors.py": "",
    }
    environment.install(write_wheel(tmp_path, "otherlab", files))
    try:
        assert repository.succeed("python", "-c", "import benchmark.runner") == "the other runner\n"
        assert_built_in_methods_load(repository)
        (tmp_path / "methods").mkdir()
        (tmp_path / "methods" / "mine.py").write_text(METHOD)
        assert "least = 0.01" in repository.succeed("cadbench", "methods", "methods.mine:Mean")
    finally:
        environment.uninstall("otherlab")
    repository.succeed("python", "-c", FACE)
    assert_built_in_methods_load(repository)


def test_the_short_names_are_not_importable(environment: Environment, tmp_path: Path) -> None:
    for name in SHORT_NAMES:
        done = environment.run("python", "-c", f"import {name}", folder=tmp_path)
        assert "ModuleNotFoundError: No module named" in done.stderr
        done = environment.run("python", "-c", f"import {name}", folder=ROOT)
        assert "attempted relative import beyond top-level package" in done.stderr


def test_our_files_are_those_of_the_installation(environment: Environment, tmp_path: Path) -> None:
    """Not those of the environment that shares its dependencies."""
    code = "import cadbench; print(cadbench.__file__)"
    done = environment.run("python", "-c", code, folder=tmp_path)
    assert not Path(done.stdout.strip()).is_relative_to(ROOT)
