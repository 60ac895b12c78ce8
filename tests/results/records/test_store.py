"""Records are written whole, read back as written, found again, and never trusted when broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cadbench.results.errors import CadbenchError, RecordError, UsageError
from cadbench.results.records.record import load_record
from cadbench.results.records.store import (
    find_records,
    partial_dir,
    publish,
    record_dir,
    resolve_run,
    write_record,
)

from tests.results.samples import make_cell, make_events, make_memory, make_run, make_scores

FILES = {"run.json", "scores.parquet", "metrics.parquet", "memory.parquet", "events.parquet"}


def test_record_dir_names_protocol_features_order_method_and_seed(tmp_path: Path) -> None:
    folder = record_dir(tmp_path, make_cell(order="random:3", seed=7)).relative_to(tmp_path)
    protocol, features, order, method, seed = folder.parts
    assert protocol == "synthetic-1x3-224-oracle@1"
    assert features.startswith("tf_efficientnet_lite0-concat-")
    assert order == "random-3"
    assert method.startswith("mecad-")
    assert seed == "seed-7"


def test_seeds_of_one_configuration_lie_side_by_side(tmp_path: Path) -> None:
    folders = [record_dir(tmp_path, make_cell(seed=seed)).parent for seed in (0, 1)]
    other = record_dir(tmp_path, make_cell(params={"experts": 3})).parent
    assert folders[0] == folders[1] != other


@pytest.mark.parametrize("name", ["../../etc", "hf_hub:some/one", ".hidden", ""])
def test_no_name_leads_out_of_the_output_folder(tmp_path: Path, name: str) -> None:
    folder = record_dir(tmp_path, make_cell(backbone=name, order=name))
    assert folder.resolve().is_relative_to(tmp_path)
    assert len(folder.relative_to(tmp_path).parts) == 5


def test_a_record_reads_back_as_written(make_record, tmp_path: Path) -> None:
    maps = np.arange(63 * 4, dtype=np.float32).reshape(63, 2, 2)
    record = make_record(owner={"apple": 0, "bolt": 0, "cork": 1}, maps=maps)
    again = load_record(record.path, verify=True)
    assert {entry.name for entry in record.path.iterdir()} == FILES | {"maps.npy"}
    assert again.run == record.run
    assert len(again.scores) == 8 * 21
    assert again.scores["score"].dtype == np.float32
    assert again.metrics["t"].dtype == pd.Int16Dtype()
    assert again.metrics.query("metric == 'acc'")["t"].isna().all()
    assert again.events["similarity"].iloc[0] == 0.6
    assert again.events["size"].iloc[-1] == 400
    kept = again.maps()
    assert kept is not None
    assert kept.dtype == np.float16
    assert np.array_equal(kept, maps)


def test_run_json_may_be_named_instead_of_its_folder(make_record) -> None:
    record = make_record()
    assert load_record(record.path / "run.json").path == record.path


def test_a_method_without_events_has_an_empty_table(make_record) -> None:
    record = make_record(owner=None)
    assert list(record.events.columns) == ["experience", "kind", "category"]
    assert record.events.empty


def frames() -> dict[str, pd.DataFrame]:
    scores = make_scores([[0.5]], [["apple"]])
    metrics = pd.DataFrame(
        {"metric": ["acc"], "t": [None], "category": [None], "value": [0.5], "n": [1]}
    )
    events = make_events({})
    return {"scores": scores, "metrics": metrics, "memory": make_memory(1), "events": events}


def test_what_a_record_was_computed_from_is_deleted(tmp_path: Path) -> None:
    cell = make_cell(categories=["apple"])
    final = record_dir(tmp_path, cell)
    partial = partial_dir(final)
    (partial / "checkpoints").mkdir(parents=True)
    (partial / "checkpoints" / "1.pt").write_bytes(b"state")
    (partial / "lock").touch()
    write_record(partial, final, make_run(cell, [["apple"]]), frames())
    assert {entry.name for entry in final.iterdir()} == FILES
    assert not partial.exists()


def test_overwriting_replaces_the_old_record_and_leaves_nothing_else(tmp_path: Path) -> None:
    cell = make_cell(categories=["apple"])
    final = record_dir(tmp_path, cell)
    for note in ("old", "new"):
        run = {**make_run(cell, [["apple"]]), "notes": [note]}
        write_record(partial_dir(final), final, run, frames())
    assert load_record(final).run["notes"] == ["new"]
    assert [entry.name for entry in final.parent.iterdir()] == ["seed-0"]


def test_a_kill_between_the_two_renames_is_finished_by_publish(tmp_path: Path) -> None:
    cell = make_cell(categories=["apple"])
    final = record_dir(tmp_path, cell)
    write_record(partial_dir(final), final, make_run(cell, [["apple"]]), frames())
    final.rename(partial_dir(final))
    (final.parent / ".seed-0.0123abcd.replaced.partial").mkdir()
    assert find_records(tmp_path) == []
    publish(partial_dir(final), final)
    assert [entry.name for entry in final.parent.iterdir()] == ["seed-0"]


def test_a_failed_write_leaves_the_old_record(tmp_path: Path) -> None:
    cell = make_cell(categories=["apple"])
    final = record_dir(tmp_path, cell)
    write_record(partial_dir(final), final, make_run(cell, [["apple"]]), frames())
    broken = frames() | {"events": pd.DataFrame({"experience": [1], "kind": ["x"]})}
    with pytest.raises(CadbenchError, match="events table lacks the column category"):
        write_record(partial_dir(final), final, make_run(cell, [["apple"]]), broken)
    load_record(final, verify=True)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("label", "x", "label of the scores table must hold int8"),
        ("extra", 1, "unknown column extra"),
    ],
)
def test_tables_that_do_not_fit_the_schema_are_refused(tmp_path, column, value, message) -> None:
    cell = make_cell(categories=["apple"])
    tables = frames()
    tables["scores"][column] = value
    final = record_dir(tmp_path, cell)
    with pytest.raises(CadbenchError, match=message):
        write_record(partial_dir(final), final, make_run(cell, [["apple"]]), tables)


@pytest.mark.parametrize("name", sorted(FILES - {"run.json"}))
def test_a_truncated_table_is_named(make_record, name: str) -> None:
    record = make_record()
    path = record.path / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RecordError, match=name):
        getattr(record, name.removesuffix(".parquet"))
    with pytest.raises(RecordError, match=f"{name} was altered"):
        record.verify()


@pytest.mark.parametrize("name", sorted(FILES | {"maps.npy"}))
def test_a_single_flipped_bit_is_found_before_a_number_is_read(make_record, name: str) -> None:
    """Parquet and JSON read most of them without a word."""
    record = make_record(maps=np.zeros((3, 4, 4)))
    path = record.path / name
    content = path.read_bytes()

    def read() -> object:
        found = load_record(record.path)
        return found.maps() if name == "maps.npy" else getattr(found, path.stem)

    for at in range(0, len(content), 11):
        flipped = bytes([content[at] ^ 1 << at % 7])
        if name == "run.json" and (content[at : at + 1] + flipped).isspace():
            continue  # another blank between the same words
        path.write_bytes(content[:at] + flipped + content[at + 1 :])
        with pytest.raises(RecordError, match=r"run\.json|was altered"):
            read()


def test_a_record_from_before_there_were_seals_is_read(make_record) -> None:
    record = make_record()
    path = record.path / "run.json"
    run = json.loads(path.read_text())
    del run["seal"]
    path.write_text(json.dumps(run))
    assert load_record(record.path, verify=True).key == record.key


def test_a_name_that_is_not_found_comes_with_the_records_that_cannot_be_read(
    make_record, tmp_path: Path
) -> None:
    make_record(method="joint", params={})
    (make_record().path / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"'mecad'; .*\(skipped: .*run\.json is not JSON"):
        resolve_run(tmp_path / "runs", "mecad")


def test_a_run_file_must_vouch_for_every_table(make_record) -> None:
    record = make_record()
    del record.run["checksums"]["events.parquet"]
    with pytest.raises(RecordError, match=r"no checksum of events\.parquet"):
        record.verify()


def test_a_missing_table_is_named(make_record) -> None:
    record = make_record()
    (record.path / "scores.parquet").unlink()
    with pytest.raises(RecordError, match=r"scores\.parquet is missing"):
        _ = record.scores
    with pytest.raises(RecordError, match=r"scores\.parquet is missing"):
        record.verify()


def test_truncated_maps_are_named(make_record) -> None:
    record = make_record(maps=np.zeros((3, 4, 4)))
    path = record.path / "maps.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordError, match=r"maps\.npy"):
        record.maps()


def test_a_record_without_maps_has_none(make_record) -> None:
    assert make_record().maps() is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.update(schema=99), "record schema 99"),
        (lambda run: run.pop("device"), "has no entry device"),
        (lambda run: run["cell"].update(seed=5), "its key does not match its cell"),
    ],
)
def test_a_run_file_that_was_altered_is_refused(make_record, change, message: str) -> None:
    record = make_record()
    path = record.path / "run.json"
    run = json.loads(path.read_text())
    change(run)
    path.write_text(json.dumps(run))
    with pytest.raises(RecordError, match=message):
        load_record(record.path)


@pytest.mark.parametrize("text", ["", '{"schema": 1', "[]", "\x00\xff"])
def test_a_broken_run_file_is_named(make_record, text: str) -> None:
    record = make_record()
    (record.path / "run.json").write_text(text, encoding="latin-1")
    with pytest.raises(RecordError, match=r"run\.json"):
        load_record(record.path)


def test_records_are_found_except_work_in_progress_and_broken_ones(make_record, tmp_path) -> None:
    records = [make_record(seed=seed) for seed in range(3)]
    (records[1].path / "run.json").write_text("{")
    records[2].path.rename(partial_dir(records[2].path))
    warnings: list[str] = []
    found = find_records(tmp_path / "runs", warnings.append)
    assert [record.seed for record in found] == [0]
    assert len(warnings) == 1
    assert str(records[1].path) in warnings[0]


def test_records_of_another_schema_share_one_warning(make_record, tmp_path) -> None:
    for seed in range(3):
        path = make_record(seed=seed).path / "run.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 1}))
    kept = make_record(seed=3)
    warnings: list[str] = []
    assert [r.key for r in find_records(tmp_path / "runs", warnings.append)] == [kept.key]
    (warning,) = warnings
    assert "3 records" in warning
    assert "another version of cadbench" in warning


def test_an_output_folder_that_does_not_exist_has_no_records(tmp_path: Path) -> None:
    assert find_records(tmp_path / "nowhere") == []


def test_a_run_is_found_by_path_key_configuration_and_method(make_record, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    mecad, joint = make_record(), make_record(method="joint", params={})
    refs = (str(joint.path), str(joint.path.relative_to(out)), joint.key[:8], joint.key, "joint")
    for ref in (*refs, joint.run["config_key"][:6], joint.path.parent.name):
        assert resolve_run(out, ref).key == joint.key, ref
    assert resolve_run(out, mecad.key[:8]).key == mecad.key


def test_an_ambiguous_run_lists_the_choices(make_record, tmp_path: Path) -> None:
    records = [make_record(seed=seed) for seed in (0, 1)]
    with pytest.raises(UsageError, match="matches 2 records") as error:
        resolve_run(tmp_path / "runs", "mecad")
    assert {line.split()[0] for line in error.value.listed} == {r.key[:8] for r in records}


def test_an_unknown_run_is_refused_in_one_line(make_record, tmp_path: Path) -> None:
    make_record()
    said = r"no record matches 'mecda' \(did you mean mecad\?\); `cadbench runs ls` lists"
    with pytest.raises(UsageError, match=said) as error:
        resolve_run(tmp_path / "runs", "mecda")
    assert not error.value.listed
    with pytest.raises(UsageError, match="no records in"):
        resolve_run(tmp_path / "empty", "mecad")
