"""A study runs from Python, and its results are DataFrames, tables and figures."""

from __future__ import annotations

import cadbench
import pandas as pd
import pytest
from cadbench import Study, UsageError


class Told(cadbench.Callback):
    def __init__(self):
        self.started, self.learned, self.finished = [], [], []

    def cell_started(self, cell):
        self.started.append(cell.key)

    def experience_finished(self, cell, result):
        self.learned.append((cell.key, result.index, result.experiences))
        self.auroc = result.auroc

    def cell_finished(self, cell, record, reused):
        self.finished.append((record.key, reused))


@pytest.fixture
def study(run_words, pixel_backbone):
    return Study(
        dataset="folder",
        data_root=run_words[run_words.index("--data-root") + 1],
        methods={"mecad": {"experts": [1, 2]}, "patchcore": {}},
        seeds=(0, 1),
        random_weights=True,
        image_size=64,
    )


def test_a_study_computes_what_is_missing_and_results_read_it(study, out, tmp_path):
    told = Told()
    results = study.run(out, callbacks=[told], progress=False)
    keys = [cell.key for cell in study.cells()]
    assert [record.key for record in results] == keys
    assert sorted(told.started) == sorted(keys)
    assert sorted(told.finished) == sorted((key, False) for key in keys)
    last = results[-1]
    R = results.where("patchcore", seed=1).matrix()
    assert (last.key, len(R), len(R)) in told.learned
    assert told.auroc  # the last learned cell's

    more = Study(**{**vars_of(study), "methods": {"mecad": {"experts": [2, 3]}}})
    told = Told()
    more.run(out, callbacks=told, progress=False)
    assert sorted(reused for _, reused in told.finished) == [False, False, True, True]

    loaded = cadbench.load(out)
    assert len(loaded) == 8
    assert {record.method for record in loaded.where(method="patchcore")} == {"patchcore"}
    frame = loaded.frame(["acc", "bwt", "stored_mb"])
    assert list(frame.groupby("method").size()) == [6, 2]
    assert frame["experts"].dtype == "Int64"
    columns = list(loaded.frame("acc").columns)
    assert columns[5] == "experts"  # which vary; what all runs share is behind the metrics
    assert columns[6] == "acc"
    assert columns[-1] == "key"
    assert {record.params["experts"] for record in loaded.where(experts=[1, 3])} == {1, 3}
    record = loaded.where("mecad:experts=3", seed=0)[0]
    (row,) = frame[frame["key"] == record.key].to_dict("records")
    stored = record.metrics
    acc = stored[(stored["metric"] == "acc") & stored["category"].isna()]["value"].iloc[-1]
    assert row["acc"] == acc
    assert len(loaded.scores()) == sum(len(each.scores) for each in loaded)
    assert {"method", "seed", "score", "defect"} <= set(loaded.scores())
    assert "chosen" in loaded.events()
    matrix = loaded.matrix("mecad:experts=1")
    assert cadbench.metrics.acc(matrix, record.introduced).n == len(record.categories)
    assert isinstance(matrix, pd.DataFrame)
    assert list(matrix.columns) == record.categories

    table = loaded.table("main", columns=["acc", "fm"])
    assert table.to_latex(tmp_path / "main.tex") == (tmp_path / "main.tex").read_text()
    assert "patchcore" in table._repr_html_()
    assert "patchcore" in str(table)
    assert repr(table).startswith("<Table 'Results: ")
    figure = loaded.figure("matrix", "patchcore")
    figure.savefig(tmp_path / "matrix.pdf")
    assert b"/FontFile2" in (tmp_path / "matrix.pdf").read_bytes()  # embedded as TrueType
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert "AUROC of each category" in figure.get_label()
    rows, pairs = loaded.compare("mecad:experts=1", "patchcore")
    assert len(rows.rows) == 2
    assert len(pairs.rows) == 1
    assert "8 records" in loaded._repr_html_()
    assert "acc" in results[:1]._repr_html_()


def vars_of(study):
    return {name: getattr(study, name) for name in ("dataset", "data_root", "seeds")} | {
        "random_weights": True,
        "image_size": 64,
    }


def test_what_results_do_not_have_is_said_in_one_line(out, study):
    results = study.run(out, progress=False)
    for call, words in (
        (lambda: results.where(method="mecda"), "method: no record has 'mecda' .did you mean"),
        (lambda: results.where("mecad:experts=9"), "no row has the settings"),
        (lambda: results.matrix(), "a matrix is of one row, and there are 3"),
        (
            lambda: results.where(expert=1),
            "no record has a parameter 'expert' .did you mean experts",
        ),
        (lambda: results.where(experts=9), "experts: no record has '9'; available: 1, 2"),
        (lambda: results.matrix("patchcore", "aupr"), "no metric .* 'aupr' .did you mean aupro"),
        (lambda: results.figure("curves", metric="aupr"), "no metric of categories has the name"),
        (lambda: results.figure("curves", width="wide"), "width: expected column, page or inches"),
        (lambda: results.table("mian"), "unknown table 'mian' .did you mean main"),
        (lambda: results.table("matrix"), "there are 3 tables"),
        (lambda: results.figure("tradeoff", cost="ms"), "unknown cost 'ms'; available: stored_mb"),
        (lambda: results.figure("curvs"), "unknown figure 'curvs' .did you mean curves"),
        (lambda: results.compare("mecad:experts=1"), "at least two rows"),
        (lambda: results.compare("mecad:experts=1", "patchcore", value="x"), "value: expected one"),
        (lambda: results.table("curves"), "no table 'curves', but a figure of that name"),
        (
            lambda: results.compare("mecad:experts=1", "patchcore", metric="fm"),
            "^metric fm: 'fm' has no value per category; for forgetting use value change",
        ),
        (lambda: results[:0].table("main"), "there are no records"),
        (lambda: cadbench.load(out / "none"), "no records in"),
    ):
        with pytest.raises(UsageError, match=words):
            call()


def test_metrics_are_functions():
    nan = float("nan")
    assert cadbench.metrics.bwt([[0.9, nan], [0.7, 0.8]], [1, 2]).value == pytest.approx(-0.2)
    assert cadbench.metrics.auroc([0.1, 0.9], [0, 1]) == 1.0
    assert all(getattr(cadbench.metrics, name).__doc__ for name in cadbench.metrics.__all__)


def test_tensorboard_gets_curves(out, study, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    one = Study(**{**vars_of(study), "methods": "patchcore", "seeds": 0})
    (record,) = one.run(out, callbacks=[cadbench.TensorBoard(tmp_path / "tb")], progress=False)
    log = EventAccumulator(str(tmp_path / "tb" / f"patchcore-{record.key[:8]}")).Reload()
    first = record.categories[0]
    assert len(log.Scalars(f"auroc/{first}")) >= 1


def test_an_estimate_says_what_is_done_and_what_is_left(out, study, call):
    one = Study(**{**vars_of(study), "methods": "patchcore", "seeds": 0})
    before = one.estimate(out)
    assert (len(before.done), len(before.missing)) == (0, 1)
    assert before.images > 0
    assert before.seconds is None
    assert before.unknown == ("patchcore",)
    one.run(out, progress=False)
    both = Study(**{**vars_of(study), "methods": "patchcore", "seeds": (0, 1)})
    after = both.estimate(out)
    assert [cell.seed for cell in after.done] == [0]
    assert [cell.seed for cell in after.missing] == [1]
    assert after.images == 0
    assert after.seconds > 0
    assert after.disk_bytes > 0


def test_a_dry_run_prints_states_and_the_estimate(run_plates):
    words = ("--method", "finetune", "--random-weights")
    first = run_plates(*words, "--dry-run")
    assert "missing  finetune" in first.out
    assert "1 cell: 0 done, 0 begun, 1 missing" in first.out
    assert "time unknown: nothing was measured with finetune" in first.out
    assert run_plates(*words).code == 0
    again = run_plates(*words, "--seeds", "0-1", "--dry-run")
    assert "2 cells: 1 done, 0 begun, 1 missing" in again.out
    assert "left: about 1 s" in again.out
