"""`--keep-state`: the state in the record, when it is computed again, and who sees the file."""

from __future__ import annotations

import json

import pytest
from cadbench.benchmark.system.serialization import flatten, unpack_file
from cadbench.results.errors import RecordError
from cadbench.results.records.record import checksum, load_record, run_text

from tests.benchmark.conftest import FINETUNE
from tests.benchmark.running.test_runner import only


def test_a_record_without_the_state_is_computed_again_and_one_with_it_is_reused(
    run_plates, out, observed
):
    assert run_plates(*FINETUNE).code == 0
    before = only(out)
    assert not before.has_state
    observed.clear()
    assert "1 missing" in run_plates(*FINETUNE, "--keep-state", "--dry-run").out
    assert "1 done" in run_plates(*FINETUNE, "--dry-run").out
    assert run_plates(*FINETUNE, "--keep-state").code == 0
    assert observed == [1, 2, 3]
    kept = only(out)
    assert kept.has_state
    assert kept.scores.equals(before.scores)
    assert kept.key == before.key
    observed.clear()
    for words in (("--keep-state",), ()):
        assert "(0 computed, 1 reused)" in run_plates(*FINETUNE, *words).out
    assert observed == []
    assert only(out).has_state


def test_the_state_holds_what_the_method_has_learned_and_is_verified(run_plates, call, out):
    run_plates(*FINETUNE, "--keep-state")
    record = only(out)
    file = record.path / "state.safetensors"
    _, tensors = flatten(unpack_file(file)["method"])
    (block,) = [tensor for tensor in tensors if tensor.ndim == 2]
    assert len(block) == 10
    assert call("show", record.path, "--verify", "--out", out).code == 0
    assert "are method states" in call("runs", "du", "--out", out).out
    listed = json.loads(call("runs", "ls", "--format", "json", "--out", out).out)
    assert listed[0]["state_bytes"] == file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(RecordError, match=r"state\.safetensors was altered"):
        load_record(record.path, verify=True)


def test_an_export_holds_the_state_only_if_asked_and_an_import_checks_it(
    run_plates, call, out, tmp_path
):
    run_plates(*FINETUNE, "--keep-state")
    theirs = tmp_path / "theirs" / "runs"
    assert call("export", "all", "--to", tmp_path / "small.zip", "--out", out).code == 0
    assert call("import", tmp_path / "small.zip", "--out", theirs).code == 0
    assert not only(theirs).has_state
    only(theirs).verify()
    large = tmp_path / "large.zip"
    assert call("export", "all", "--state", "--to", large, "--out", out).code == 0
    assert "state.safetensors" in call("import", large, "--out", theirs).err
    assert call("import", large, "--overwrite", "--out", theirs).code == 0
    assert only(theirs).has_state
    assert "already present" in call("import", tmp_path / "small.zip", "--out", theirs).out
    assert "already present" in call("import", large, "--out", out).out


def test_a_file_that_is_no_state_is_not_imported(run_plates, call, out, tmp_path):
    run_plates(*FINETUNE, "--keep-state")
    record = only(out)
    (record.path / "state.safetensors").write_bytes(b"\x80\x04pickle" * 10)
    sums = {**record.run["checksums"]}
    sums["state.safetensors"] = checksum(record.path / "state.safetensors")
    (record.path / "run.json").write_bytes(run_text({**record.run, "checksums": sums}))
    done = call("export", "all", "--state", "--to", tmp_path / "a.zip", "--out", out)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "state.safetensors has no header" in done.err
