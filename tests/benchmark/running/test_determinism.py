"""The same cell computed twice, from image files on and with nothing shared, is the same record."""

from __future__ import annotations

from cadbench.results.records.store import find_records

from tests.benchmark.samples import BUDGETS, method_words


def test_a_cell_computed_twice_from_the_images_on_is_the_same_to_the_byte(
    run_words, call, tmp_path, monkeypatch
):
    words = [*run_words[: run_words.index("--out")], "--image-size", "64", "--device", "cpu"]
    words += [*method_words(), "--routing", "inferred", "-q"]
    found = []
    for number in ("one", "other"):
        monkeypatch.setenv("CADBENCH_CACHE", str(tmp_path / number / "cache"))
        done = call(*words, "--out", tmp_path / number / "runs")
        assert done.code == 0, done.err
        found.append({record.key: record for record in find_records(tmp_path / number / "runs")})
    one, other = found
    assert one.keys() == other.keys()
    assert len(one) == len(BUDGETS)
    for key, record in one.items():
        checksums = dict(record.run["checksums"])
        assert checksums.keys() >= {"scores.parquet", "metrics.parquet", "maps.npy"}
        assert checksums == other[key].run["checksums"], record.method
