"""What the README promises: its method runs."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_method_in_the_readme_runs_and_goes_on_from_its_state(study, monkeypatch, tmp_path):
    from cadbench.benchmark.running.checkpoint import Checkpoint

    code, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), names)
    method = names["Last"]
    monkeypatch.setattr("cadbench.benchmark.running.cell.load_method", lambda name: method)
    monkeypatch.setattr("cadbench.benchmark.plugins.methods.load_method", lambda name: method)
    built = study()
    cell = built.cell("last")
    checkpoint = Checkpoint(tmp_path / "begun", cell.key)
    whole = built.evaluate(
        cell, checkpoint=lambda p: checkpoint.save(p) if p.experience < 3 else None
    )
    assert whole.memory[-1]["stored_vectors"] == 100
    resumed = built.evaluate(cell, progress=checkpoint.load(built.features.device))
    for category, scored in whole.rows[-1].items():
        assert scored.scores.tolist() == resumed.rows[-1][category].scores.tolist()
