"""Events that a method records, from its call to the command line."""

from __future__ import annotations

import pytest

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import FINETUNE


@pytest.fixture
def training(monkeypatch):
    """Let `finetune` record two losses per experience."""
    from cadbench.methods.banks.finetune import FineTune

    observe = FineTune.observe

    def recording(self, experience):
        for epoch in (1, 2):
            self.context.record("epoch", epoch=epoch, loss=experience.index / epoch)
        return observe(self, experience)

    monkeypatch.setattr(FineTune, "observe", recording)


def test_losses_are_in_show_in_a_table_and_in_a_figure(training, run_plates, call, out, tmp_path):
    assert run_plates(*FINETUNE).code == 0
    shown = call("show", "finetune", "--out", out).out
    assert "| epoch |      6 | epoch 2, loss 1.5 |" in shown
    csv = call("table", "events", "finetune", "--format", "csv", "--out", out).out
    assert [line for line in csv.splitlines() if line.startswith("2,")] == ["2,1,2.0", "2,2,1.0"]
    drawn = call("figure", "training", "--to", tmp_path / "f", "--out", out)
    assert (drawn.code, drawn.out.count("loss, one line per experience")) == (0, 1)
    assert (tmp_path / "f" / "training.pdf").stat().st_size > 1000


def test_records_without_events_have_no_table_of_them(run_plates, call, out):
    run_plates(*FINETUNE)
    assert "Recorded" not in call("show", "finetune", "--out", out).out
    assert_refused(call("table", "events", "--out", out), 2, "recorded events")
    assert_refused(call("figure", "training", "--out", out), 2, "recorded no numbers")
