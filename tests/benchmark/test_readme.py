"""What the README promises: its method runs, its commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"(?:^|[;/])\s*(cadbench [a-z][^#;`\n]*)", README.replace("\\\n", " "), re.M)


def test_the_method_in_the_readme_runs_and_goes_on_from_its_state(study, monkeypatch, tmp_path):
    from cadbench.benchmark.running.checkpoint import Checkpoint

    _, code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), names)
    method = names["Last"]
    monkeypatch.setattr("cadbench.benchmark.running.cell.load_method", lambda name: method)
    monkeypatch.setattr("cadbench.benchmark.plugins.methods.load_method", lambda name: method)
    built = study()
    cell = built.cell("last", params={"size": 20})
    checkpoint = Checkpoint(tmp_path / "begun", cell.key)
    whole = built.evaluate(
        cell, checkpoint=lambda p: checkpoint.save(p) if p.experience < 3 else None
    )
    assert whole.memory[-1]["stored_vectors"] == 20
    resumed = built.evaluate(cell, progress=checkpoint.load(built.features.device))
    for category, scored in whole.rows[-1].items():
        assert scored.scores.tolist() == resumed.rows[-1][category].scores.tolist()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_readme_is_understood(command, call):
    name = shlex.split(command)[1]
    helped = call(name, "--help")
    assert helped.code == 0
    for option in re.findall(r"--[a-z-]+", command):
        assert option in helped.out or name == "data"


def test_the_readme_shows_commands():
    assert len(COMMANDS) >= 8
