"""The distributions of this checkout, and environments in which each kind is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import draw_dataset
from tests.packaging.building import build, copy_checkout
from tests.packaging.environments import Environment


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout."""
    return copy_checkout(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the checkout."""
    return build(source, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment_of(
    source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Environment]:
    """The environment with an installation of one kind: `wheel` or `editable`."""
    made: dict[str, Environment] = {}

    def environment(kind: str) -> Environment:
        if kind not in made:
            made[kind] = Environment(tmp_path_factory.mktemp(f"environment-{kind}"))
            made[kind].install(build(source, kind, tmp_path_factory.mktemp(kind)))
        return made[kind]

    return environment


@pytest.fixture(
    params=[
        pytest.param(kind, marks=pytest.mark.xdist_group(f"installed: {kind}"))
        for kind in ("wheel", "editable")
    ]
)
def environment(
    request: pytest.FixtureRequest, environment_of: Callable[[str], Environment]
) -> Environment:
    """An environment with cadbench installed, once from a wheel and once editable."""
    return environment_of(request.param)


@pytest.fixture(scope="session")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn dataset of two categories with 14 images."""
    folder = tmp_path_factory.mktemp("data") / "plates"
    return draw_dataset(folder, ("apple", "bolt"), train=3, good=2, defective=2)
