"""The Dockerfile builds an image that runs a study, where a Docker daemon is at hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=1800)
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


def has_daemon() -> bool:
    if shutil.which("docker") is None:
        return False
    return not subprocess.run(["docker", "info"], capture_output=True, timeout=60).returncode


@pytest.mark.packaging
@pytest.mark.skipif(not has_daemon(), reason="no Docker daemon")
def test_the_image_runs_a_study():
    docker("build", "--tag", "cadbench-test", str(ROOT))
    study = ("run", "--method", "patchcore", "--categories", "bolt,gear", "--image-size", "64")
    assert "| patchcore |" in docker("run", "--rm", "cadbench-test", *study)
