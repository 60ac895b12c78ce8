"""An audit finds what was changed in a record, whatever its checksums say, and changes nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cadbench
import numpy as np
import pytest
from cadbench.benchmark.auditing.recomputation import FEWEST, Sample
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.operating_points import HeldOut
from cadbench.results.records.record import Record, run_text
from cadbench.results.records.schema import cell_key, config_key
from cadbench.results.records.store import write_record

from tests.benchmark.conftest import FINETUNE, SMALL
from tests.results import conftest as of_results

make_record = of_results.make_record

MECAD = ("--method", "mecad", "--experts", "2", *SMALL)


@pytest.fixture
def honest(run_plates, out) -> Record:
    done = run_plates(*MECAD, "-q")
    assert done.code == 0, done.err
    (record,) = cadbench.find_records(out)
    return record


@pytest.fixture
def root(out) -> Path:
    return out.with_name("plates")


def forge(record: Record, to: Path, *, again: bool = True, **changed: Any) -> Record:
    """Write the record with other tables or another cell, with valid checksums, key and seal.

    again: compute the metrics of the changed scores again.
    """
    frames = {name: getattr(record, name) for name in ("scores", "metrics", "memory", "events")}
    frames |= {name: value for name, value in changed.items() if name in frames}
    cell = changed.get("cell", record.cell)
    if record.held_out is not None:
        frames["held_out"] = changed.get("held_out", record.held_out)
    if again and changed.keys() & {"scores", "held_out"}:
        frames["metrics"] = compute_metrics(
            *(frames["scores"], record.experiences, record.routing, frames["events"]),
            held_out=HeldOut.of_cell(frames.get("held_out"), cell),
        )
    run = {**record.run, "cell": cell, "key": cell_key(cell), "config_key": config_key(cell)}
    run["maps"] = "none"
    return write_record(to / "part", to / "forged", run, frames)


def results_of(audit: cadbench.Audit) -> dict[str, str]:
    return {check.name: check.result for check in audit.checks}


def test_an_honest_record_agrees_to_the_last_bit_and_is_not_touched(honest, root, out) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    found = cadbench.audit(honest, share=0.5, data_root=root)
    assert found.agreed is True
    assert found.verdict.startswith("agreed: 5 files, ")
    assert set(results_of(found).values()) == {"agrees"}
    assert set(results_of(found)) >= {"scores", "routes", "memory rows", "assignments", "maps"}
    assert "pixel metrics" in results_of(found)
    assert {check.largest for check in found.checks} <= {None, 0.0}
    # 4 of 7 images of each column that is scored: 2, 3 and 3 columns
    assert next(c.compared for c in found.checks if c.name == "scores") == 8 * 4
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before

    # The first experiences alone, on request.
    found = cadbench.audit(honest, experiences=2, data_root=root)
    assert found.agreed is True
    assert results_of(found)["maps"] == "not audited"
    assert any("nothing was computed after experience 2" in note for note in found.table.notes)


def test_a_forged_record_disagrees_where_it_was_forged(honest, root, tmp_path) -> None:
    scores, metrics = honest.scores, honest.metrics
    last = scores["experience"] == 3
    apple = last & (scores["category"] == "apple")
    lifted = scores["score"].where(~(apple & (scores["label"] == 1)), scores["score"] + 1)
    flipped = scores["label"].where(~apple, 1 - scores["label"]).astype(np.int8)
    better = metrics["value"].where(metrics["metric"] != "acc", 0.99)
    other_cell = {**honest.cell, "method": {**honest.cell["method"]}}
    other_cell["method"]["params"] = {**honest.params, "class_budget": 5}
    forgeries: dict[str, tuple[dict[str, Any], set[str]]] = {
        "a score": ({"scores": scores.assign(score=lifted.astype(np.float32))}, {"scores"}),
        "a metric": ({"metrics": metrics.assign(value=better)}, {"metrics"}),
        "labels": ({"scores": scores.assign(label=flipped)}, {"images and labels"}),
        "rows": ({"scores": scores.drop(index=scores.index[apple][:2])}, {"images and labels"}),
        "memory": (
            {"memory": honest.memory.assign(stored_vectors=honest.memory["stored_vectors"] // 2)},
            {"memory rows"},
        ),
        "parameters": ({"cell": other_cell}, {"scores", "memory rows"}),
    }
    for name, (changed, where) in forgeries.items():
        forged = forge(honest, tmp_path / name.replace(" ", "-"), **changed)
        found = cadbench.audit(forged.path, share=1, data_root=root)
        differing = {check for check, result in results_of(found).items() if result == "differs"}
        assert (name, differing) == (name, where)
        assert found.agreed is False
        assert found.verdict.startswith("disagreed: ")
        assert any(note.startswith(f"{min(where)}: ") for note in found.table.notes)


def test_what_is_missing_altered_or_of_another_version_is_not_audited_and_says_why(
    honest, root, tmp_path, monkeypatch
) -> None:
    def reason(record: Record = honest, **options: Any) -> str:
        found = cadbench.audit(record, **{"data_root": root, **options})
        assert found.agreed is None
        assert results_of(found)["metrics"] == "agrees"
        assert "what needs no data agrees: 5 files" in found.verdict
        return found.verdict

    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in reason(data_root=empty)
    assert "weights" in reason(weights=honest.path / "run.json")
    cell = {**honest.cell, "method": {**honest.cell["method"], "name": "plugin_x"}}
    assert "plugin_x" in reason(forge_with_files(honest, tmp_path / "plugin", cell))
    from cadbench.mecad.method import Mecad

    with monkeypatch.context() as patch:
        patch.setattr(Mecad, "version", "99")
        assert "version 99 is installed" in reason()
    next((root / "apple" / "test").rglob("*.png")).unlink()
    assert "are not those of the record" in reason()

    # An altered file is named, and nothing is computed.
    text = (honest.path / "run.json").read_text().replace('"seed": 0', '"seed": 1')
    (honest.path / "run.json").write_text(text)
    found = cadbench.audit(honest.path, data_root=root)
    assert found.verdict == "disagreed: files differ"
    assert "key does not match its cell" in str(found)
    (honest.path / "run.json").write_bytes(
        run_text({name: value for name, value in honest.run.items() if name != "seal"})
    )
    with open(honest.path / "scores.parquet", "ab") as handle:
        handle.write(b"x")
    found = cadbench.audit(honest.path, data_root=root)
    assert found.verdict == "disagreed: files (1 of 5 differ)"
    assert results_of(found)["scores"] == "not audited"


def forge_with_files(record: Record, to: Path, cell: dict[str, Any]) -> Record:
    """The record with another cell, its maps kept."""
    frames = {name: getattr(record, name) for name in ("scores", "metrics", "memory", "events")}
    run = {**record.run, "cell": cell, "key": cell_key(cell), "config_key": config_key(cell)}
    return write_record(to / "part", to / "forged", run, frames, np.array(record.maps()))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"share": 0}, "share: expected a number above 0 and up to 1, got 0"),
        ({"share": 1.5}, "share: expected a number above 0 and up to 1, got 1.5"),
        ({"experiences": 0}, "experiences: expected a whole number from 1, got 0"),
        ({"experiences": 9}, "experiences: the record has 3, not 9"),
        ({"seed": -1}, "seed: expected a whole number from 0, got -1"),
        ({"data_root": "none"}, "data_root none: there is no such folder"),
        ({"weights": "none"}, "weights none: there is no such file"),
        ({"tolerance": float("nan")}, "tolerance: expected a number from 0, got nan"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make_record, words: dict[str, Any], said: str):
    with pytest.raises(cadbench.UsageError, match=said):
        cadbench.audit(make_record(), **words)


def test_the_command_prints_a_table_and_a_verdict_and_ends_with_its_code(
    run_plates, call, out, root, tmp_path
) -> None:
    dirty = ("--contaminate", "0.2", "--holdout", "0.3", "--drift", "dark:1")
    assert run_plates(*FINETUNE, *dirty, "-q").code == 0
    (record,) = cadbench.find_records(out)
    words = ("--data-root", root, "-q", "--out", out)
    done = call("audit", "finetune", *words)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1].startswith("agreed: ")
    assert "| scores " in done.out
    assert re.search(r"\| held-out scores +\| +6 \| +0 \|", done.out)
    better = record.metrics.assign(value=record.metrics["value"].where(lambda v: v != v, 1.0))
    forged = forge(record, tmp_path / "forged", metrics=better)
    done = call("audit", forged.path, *words)
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("disagreed: metrics (")
    done = call("audit", forged.path.parent, *words)
    assert done.code == 2
    held_out = record.held_out.assign(score=record.held_out["score"] * 2)
    forged = forge(record, tmp_path / "threshold", held_out=held_out)
    done = call("audit", forged.path, *words)
    assert (done.code, "held-out scores (6 of 6 differ)" in done.out) == (1, True)
    honest = call("audit", record.key[:8], "--format", "csv", *words)
    assert honest.out.startswith("check,compared,")
    assert honest.err.startswith("agreed: ")


def test_a_sample_has_all_training_images_and_a_share_of_each_test_set(root, plates) -> None:
    plates()
    manifest = cadbench.open_dataset("folder", root)
    small = Sample(0.1, 3, seed=0).of(manifest)
    for column in manifest.columns:
        assert small.train(column) == manifest.train(column)
        assert len(small.test(column)) == FEWEST
        assert set(small.test(column)) <= set(manifest.test(column))
    assert Sample(0.1, 3, seed=0).of(manifest) == small
    assert Sample(1.0, 3, seed=0).of(manifest).hash == manifest.hash
    others = {Sample(0.1, 3, seed=seed).of(manifest).hash for seed in range(5)}
    assert len(others) > 1
