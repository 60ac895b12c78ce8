"""`Study`: three ways to make it give the same cells; what is wrong is refused when it is made."""

from __future__ import annotations

import json
import re

import pytest
from cadbench import CadbenchError, Callback, Study, UsageError, open_dataset
from cadbench.benchmark.plugins.methods import load_method

METHODS = {"mecad": {"experts": range(1, 4), "threshold": [0.8, None]}, "patchcore": {}}


@pytest.fixture
def root(run_words):
    return run_words[run_words.index("--data-root") + 1]


def keys(study):
    return [cell.key for cell in study.cells()]


def test_one_value_a_list_and_a_text_mean_the_same():
    given = Study(methods=METHODS, seeds=range(3), orders=["alphabetical", "random:1"])
    written = Study(
        methods={"mecad": {"experts": "1-3", "threshold": "0.8,auto"}, "patchcore": {}},
        seeds="0-2",
        orders="alphabetical,random:1",
    )
    assert given == written
    assert Study(methods="patchcore", seeds=4) == Study(methods=["patchcore"], seeds=[4])
    by_class = Study(methods={load_method("mecad"): {"experts": 2}})
    assert by_class == Study(methods={"mecad": {"experts": [2]}})


def test_python_a_file_and_options_give_the_same_cells(call, root, cache, tmp_path):
    study = Study(
        dataset="folder",
        data_root=root,
        methods={"mecad": {"experts": [1, 2], "threshold": 0.5}, "finetune": {}},
        seeds=(0, 1),
        backbone="test_vit",
        random_weights=True,
        layers="block:3,block:1",
        map_sigma=2,
        image_size=64,
    )
    file = tmp_path / "study.toml"
    study.save(file)
    assert "data_root" not in file.read_text()
    assert keys(Study.from_file(file, data_root=root)) == keys(study)
    listed = ["--dry-run", "--format", "json"]
    by_file = call("run", file, "--data-root", root, *listed)
    by_options = call(
        *("run", "--dataset", "folder", "--data-root", root, "--method", "mecad"),
        *("--method", "finetune", "--experts", "1,2", "--seeds", "0-1", "--random-weights"),
        *("--set", "mecad.threshold=0.5", "--backbone", "test_vit", "--layers", "block:1,block:3"),
        *("--map-sigma", "2", "--image-size", "64", "--save", tmp_path / "again.toml", *listed),
    )
    assert by_file.code == by_options.code == 0, (by_file, by_options)
    assert json.loads(by_file.out) == json.loads(by_options.out)
    assert json.loads(by_file.out) == [cell.as_dict() for cell in study.cells()]
    features = json.loads(by_file.out)[0]["features"]
    assert features["layers"] == ["block:1", "block:3"]
    assert (features["embedding"], features["embedding_params"]) == ("tokens", {})
    again = Study.from_file(tmp_path / "again.toml", data_root=root)
    assert again.settings == study.settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seeds": [-1]}, "seeds: expected whole numbers from 0, got -1"),
        ({"seeds": "0-"}, "seeds: expected whole numbers such as 0, 0-2"),
        ({"seeds": []}, "seeds: the list is empty"),
        ({"dataset": 3}, "dataset: expected a text, got 3"),
        ({"match_memory": True}, "match_memory: expected a text, got True"),
        ({"seeds": 1.5}, "seeds: expected a list, got 1.5"),
        ({"methods": {"mecad": {"experts": 0}}}, "methods: mecad.experts: 0 is not a whole"),
        ({"methods": {"mecad": {"expert": 1}}}, "no parameter 'expert' .did you mean experts?"),
        ({"methods": "mecda"}, "unknown method 'mecda' .did you mean mecad"),
        ({"methods": {"mecad": 3}}, "methods: mecad: expected parameters such as"),
        ({"methods": {"mecad": {"experts": []}}}, "mecad.experts: the list of values is empty"),
        ({"methods": []}, "methods: there is no method"),
        ({"methods": [3]}, "methods: expected a method's name or class, got 3"),
        ({"routing": "oracel"}, "routing: expected one of oracle, inferred"),
        ({"unseen": "some"}, "unseen: expected one of next, all, none"),
        ({"image_size": 8}, "image_size: expected 32 to 2048 pixels, got 8"),
        ({"map_sigma": "4"}, "map_sigma: expected 0 to 1000 pixels"),
        ({"match_memory": "joint"}, "match_memory: joint is not among the methods"),
        ({"weights": "none.pth"}, "weights: no such file: none.pth"),
        ({"categories": ""}, "categories: the list is empty"),
        ({"categories": [3]}, "categories: expected texts, got 3"),
        ({"layers": "block:x"}, "layers: expected strides such as 8,16"),
        ({"layers": [8.5]}, "layers: .* got 8.5"),
        ({"drift": "dark"}, "dark"),
        ({"protocol": "mvtec-14-1", "schedule": "1x15"}, "schedule: contradicts the protocol"),
        ({"protocol": "mvtec-14-1", "resize": "pad"}, "resize: contradicts the protocol"),
        ({"resize": "stretch"}, "resize: expected one of crop, pad, squash, got 'stretch'"),
    ],
)
def test_a_wrong_value_is_refused_when_the_study_is_made(values, words):
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        Study(**values)


def test_a_study_shows_what_was_given():
    shown = repr(Study(methods="patchcore", seeds=range(2), map_sigma=0))
    assert shown == "Study(methods={'patchcore': {}}, seeds=(0, 1), map_sigma=0)"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"engine": "slurm"}, "engine: expected one of local, ray, got 'slurm'"),
        ({"device": "gpu"}, "device: expected one of auto, cpu, cuda"),
        ({"maps": "some"}, "maps: expected one of final, all, none"),
        ({"jobs": 0}, "jobs: expected a whole number from 1, got 0"),
        ({"jobs": "2"}, "jobs: expected a whole number from 1, got '2'"),
        ({"callbacks": [Callback]}, "callbacks: expected .* create it, with parentheses"),
        ({"callbacks": [print]}, "callbacks: expected cadbench.Callback objects"),
    ],
)
def test_a_wrong_option_of_a_run_is_refused_before_the_data_are_read(values, words, out):
    with pytest.raises(UsageError, match=words):
        Study(dataset="folder", data_root="nowhere").run(out, **values)


def test_a_class_that_no_other_process_could_import_is_refused():
    class Local(load_method("patchcore")):
        pass

    with pytest.raises(UsageError, match="cannot be imported by its name"):
        Study(methods={Local: {}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds = [0]", "version is missing"),
        ("version = 2", "version: expected 1, got 2"),
        ("version = 1\nseed = [0]", r"unknown key 'seed' \(did you mean seeds\?\)"),
        ("version = 1\nimage_size = '224'", "image_size: expected 32 to 2048 pixels"),
        ("version = 1\ndata_root = '/data'", "unknown key 'data_root'"),
        ("version = 1\nseeds = [[1]]", "seeds: expected whole numbers from 0, got \\[1\\]"),
        ("version = 1\nmethods = [[]]", "methods: expected a method's name or class, got \\[\\]"),
        ("version = 1\nweights = 3", "weights: expected a text, got 3"),
        ("version = 1\nrandom_weights = 1", "random_weights: expected true or false, got 1"),
        ("version = 1\nseeds = [-1]", "seeds: expected whole numbers from 0"),
        ("version = 1\n[methods.mecad]\nexperts = 0", "methods: mecad.experts: 0 is not"),
        ("version = ", "is not TOML"),
    ],
)
def test_a_wrong_study_file_names_file_and_key(tmp_path, text, words):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))}.*{words}"):
        Study.from_file(file)


def test_a_file_never_replaces_another_study(tmp_path):
    file = tmp_path / "study.toml"
    Study(methods="mecad").save(file)
    Study(methods="mecad").save(file)
    with pytest.raises(UsageError, match="exists and is another study"):
        Study(methods="joint").save(file)


def test_paths_in_a_file_are_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "order.txt").write_text("apple\nbolt\n")
    (tmp_path / "w.pth").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    study = Study(orders="order.txt", weights="w.pth")
    study.save("a/study.toml")
    text = (tmp_path / "a/study.toml").read_text()
    assert "../order.txt" in text
    assert '"../w.pth"' in text
    read = Study.from_file(tmp_path / "a/study.toml")
    assert read.settings.weights.samefile("w.pth")


def test_errors_name_arguments_in_python_and_options_on_the_command_line(call, root, cache):
    with pytest.raises(UsageError, match=r"^schedule 'x' is not a schedule"):
        Study(dataset="folder", data_root=root, schedule="x").cells()
    with pytest.raises(UsageError, match=r"^orders 'x' is neither"):
        Study(dataset="folder", data_root=root, orders="x").cells()
    with pytest.raises(UsageError, match=r"^engine ray needs|^address needs engine ray"):
        Study(dataset="folder", data_root=root).run(address="a:1")
    said = call("run", "--dataset", "folder", "--data-root", root, "--schedule", "x", "--dry-run")
    assert "--schedule 'x' is not a schedule" in said.err
    with pytest.raises(CadbenchError, match="needs data_root "):
        open_dataset("folder")
    with pytest.raises(CadbenchError, match="give the folder that holds the categories"):
        open_dataset("folder", "nowhere")
