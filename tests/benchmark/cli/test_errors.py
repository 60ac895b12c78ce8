"""What goes wrong is one line on standard error, with the right exit code and nothing written."""

from __future__ import annotations

import errno
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.cli.main import run
from cadbench.results.errors import CadbenchError
from PIL import Image
from safetensors.torch import save_file

from tests.benchmark.conftest import FINETUNE, SMALL, Called

Run = Callable[..., Called]


UNTRAINED = ("--backbone", "test_vit", "--random-weights")
LONG = "9" * 5000
"""More digits than Python reads."""


def assert_refused(called: Called, code: int, *said: str) -> None:
    assert called.code == code, called
    assert called.out == ""
    assert called.err.count("\n") == 1, called.err
    assert re.match(r"(cadbench[a-z -]*: )?error: ", called.err)
    assert "internal error" not in called.err
    for text in said:
        assert text in called.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "mecda"], ["'mecda'", "did you mean mecad?", "patchcore"]),
        (["--set", "mecad.treshold=0.5"], ["'treshold'", "did you mean threshold?"]),
        (["--set", "mecad.threshold"], ["METHOD.PARAM=VALUES"]),
        (["--set", "=3"], ["METHOD.PARAM=VALUES"]),
        (["--set", "mecad.threshold=high"], ["'high'", "number"]),
        (["--set", "mecad.replay=som"], ["'som'", "random, full, shrink"]),
        (["--set", "mecad.assignment=given"], ["needs the groups", "--set mecad.groups=bottle"]),
        (
            ["--set", "mecad.assignment=given", "--set", "mecad.groups=apple+bolt/crok"],
            ["names crok", "did you mean cork?"],
        ),
        (
            ["--set", "mecad.assignment=given", "--set", "mecad.groups=apple/bolt"],
            ["leaves out cork"],
        ),
        (["--set", "mecad.groups=apple+bolt/apple+cork"], ["names apple more than once"]),
        (["--set", "patchcore.bank_budget=9"], ["--method patchcore"]),
        (["--set", "pachcore.bank_budget=9"], ["did you mean patchcore?"]),
        (["--experts", "0"], ["--experts 0", "at least 1"]),
        (["--experts", "8-1"], ["8-1", "backwards"]),
        (["--experts", "two"], ["'two'", "whole number"]),
        (["--experts", "2", "--method", "joint"], ["none of joint", "mecad"]),
        (["--experts", "2", "--set", "mecad.experts=3"], ["exclude each other"]),
        (["--seeds", "x"], ["--seeds", "'x'"]),
        (["--seeds", "3-1"], ["--seeds", "3-1"]),
        (["--seeds", "-1"], ["--seeds"]),
        (["--seeds", ""], ["--seeds"]),
        (["--order", ""], ["--order"]),
        (["--order", "random:x"], ["--order: expected whole numbers"]),
        (["--order", "alphabetic"], ["did you mean alphabetical?"]),
        (["--shard", "3/2"], ["--shard", "I/N"]),
        (["--shard", "0/2"], ["--shard", "I/N"]),
        (["--shard", "half"], ["--shard", "I/N"]),
        (["--shard", f"1/{LONG}"], ["--shard", "I/N"]),
        (["--seeds", f"0-{LONG}"], ["--seeds", "whole numbers"]),
        (["--seeds", "0-9999999999"], ["--seeds", "more than 10,000 values"]),
        (["--order", f"random:{LONG}"], ["--order:", "whole numbers"]),
        (["--schedule", f"1x{LONG}"], ["is not a schedule"]),
        (["--drift", f"dark:{LONG}"], ["a strength from 1 to 3"]),
        (["--seeds", "0-9999", "--order", "random:0-9999"], ["100,000,000 cells", "at most"]),
        (["--set", "mecad.class_budget=1-9999999999"], ["more than 10,000 values"]),
        (["--set", f"mecad.class_budget={LONG[:25]}"], ["is larger than any number"]),
        (["--set", "mecad.threshold=a\nb"], ["a\\nb"]),
        (["--blend", "nan"], ["--blend", "not a finite number"]),
        (["--map-sigma", "nan"], ["--map-sigma", "not a finite number"]),
        (["--engine", "ray", "--cell-gpus", "inf"], ["--cell-gpus", "not a finite number"]),
        (["--data-root", "x" * 300], ["is too long"]),
        (["--engine", "rey"], ["'rey' (did you mean ray?) is not one of 'local', 'ray'"]),
        (["--jobs", "0"], ["--jobs"]),
        (["--address", "here:1"], ["--address needs --engine ray"]),
        (["--cell-cpus", "2"], ["--cell-cpus needs --engine ray"]),
        (["--cell-gpus", "1"], ["--cell-gpus needs --engine ray"]),
        (["--dataset", "mvtek"], ["did you mean mvtec?"]),
        (["--dataset", "real7"], ["folder of your own: --dataset folder --data-root real7"]),
        (["--search", "approximate"], ["search is a parameter of", "--set search=approximate"]),
        (["--bank-budget=9", "--seeds", "1"], ["write --set bank_budget=9"]),
        (["--class-budget"], ["write --set class_budget=VALUE"]),
        (["--embedding", "concta"], ["did you mean concat?"]),
        (["--method", "ucad"], ["prompts need a vision transformer with timm's usual attention"]),
        (
            ["--method", "ucad", "--set", "segments=sam", *UNTRAINED],
            ["expected none, slic or files, got 'sam'"],
        ),
        (["--layers", "8,8"], ["--layers: 8 is listed twice"]),
        (["--layers", "block:1"], ["tf_efficientnet_lite0 is no transformer"]),
        (["--backbone", "test_vit", "--layers", "8"], ["choose --layers from block:0 to block:5"]),
        (["--backbone", "test_vit", "--image-size", "72"], ["choose --image-size 64 or 80"]),
        (["--backbone", "test_vit", "--random-weights"], ["threshold=auto is not calibrated for"]),
        (["--weights", "none.pth"], ["--weights: no such file: none.pth"]),
        (["--match-memory", "mecda"], ["did you mean mecad?"]),
        (["--match-memory", "patchcore"], ["not among the methods of this study"]),
        (["--match-memory", "mecad", "--shard", "1/2"], ["exclude each other"]),
        (["--match-memory", "mecad", "--dry-run", "--format", "json"], ["--format json"]),
        (["--format", "json"], ["--dry-run"]),
        (["--image-size", "8"], ["--image-size"]),
        (["--routing", "orakel"], ["--routing", "oracle"]),
        (["--device", "gpu"], ["--device", "cuda"]),
        (["--schedule", "2x9"], ["covers 18 categories", "has 3"]),
        (["--schedule", "3by5"], ["'3by5'", "10-1x5"]),
        (["--schedule", "2x*"], ["does not fit 3 categories"]),
        (["--categories", "aple"], ["'aple'", "did you mean apple?"]),
        (["--categories", " , "], ["list is empty"]),
        (["--metod", "mecad"], ["--metod", "--method"]),
        (["mecad"], ["there is no study file mecad; write --method mecad"]),
        (["--out", __file__], ["--out"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_word_is_wrong_usage_in_one_line(run_plates, out, words, said):
    more = [] if "--match-memory" not in words else ["--method", "mecad", "--method", "joint"]
    more = [] if "patchcore" in words else more
    assert_refused(run_plates("-q", *more, *words), 2, *said)
    assert not out.exists()


def test_a_dry_run_refuses_weights_that_a_run_would_refuse(run_plates, out, tmp_path):
    save_file({"conv1.weight": torch.ones(2)}, tmp_path / "w.safetensors")
    called = run_plates("-q", "--dry-run", "--weights", tmp_path / "w.safetensors")
    assert_refused(called, 1, "the weights file does not fit tf_efficientnet_lite0")
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], ["'rnu'", "did you mean run?", "leaderboard"]),
        (["data", "inf"], ["'inf'"]),
        (["metrics", "acc", "aurok"], ["did you mean auroc?"]),
        (["methods", "finetune", "mecda"], ["did you mean mecad?"]),
        (["protocols", "x" * 300], ["is too long"]),
        (["domains", "a\nb"], ["(a\\nb)"]),
        (["--verson"], ["--verson"]),
        (["table", "everything"], ["everything", "per-category"]),
    ],
    ids=" ".join,
)
def test_a_wrong_command_or_name_is_wrong_usage_in_one_line(call, words, said):
    assert_refused(call(*words), 2, *said)


def test_a_place_is_shown_without_what_a_terminal_would_act_on(call):
    shown = call("data", "info", "mvtec", "--data-root", "a\x1b[31m")
    assert shown.code == 0
    assert "not found in a\\x1b[31m" in shown.out


def test_a_terminal_that_lacks_a_character_gets_its_number(call, monkeypatch):
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="latin-1")
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", terminal)
        called = run(["data", "info", "mvtec", "--data-root", "日\udcff"])
    terminal.flush()
    assert called == 0
    assert b"not found in \\u65e5\\udcff" in raw.getvalue()


def test_what_cannot_be_prepared_leaves_nothing_behind(run_plates, out, monkeypatch):
    def fail(*_: Any) -> None:
        raise CadbenchError("these weights are damaged")

    monkeypatch.setattr("cadbench.benchmark.features.feature_set.FeatureSet._extractor", fail)
    assert_refused(run_plates("-q", *FINETUNE), 1, "these weights are damaged")
    assert not out.exists()


def test_cuda_where_there_is_none_is_wrong_usage(run_plates, out):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert_refused(run_plates("-q", "--device", "cuda"), 2, "--device cuda", "cpu")
    assert not out.exists()


def test_weights_that_cannot_be_downloaded_name_the_ways_out(
    run_plates, out, tmp_path, monkeypatch
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    refused = run_plates("-q", "--backbone", "wide_resnet50_2")
    assert_refused(refused, 1, "wide_resnet50_2", "--weights FILE", "tf_efficientnet_lite0")
    assert not out.exists()


# --- data


def break_data(kind: str, root: Path) -> None:
    match kind:
        case "missing":
            shutil.rmtree(root)
        case "empty":
            shutil.rmtree(root)
            root.mkdir()
        case "no good images":
            for image in (root / "bolt" / "train" / "good").iterdir():
                image.unlink()
        case "no training images":
            shutil.rmtree(root / "bolt" / "train")
        case "unreadable":
            file = root / "bolt" / "test" / "good" / "001.png"
            file.write_bytes(file.read_bytes()[:100])
        case "mask of another size":
            Image.new("L", (10, 10)).save(root / "bolt" / "ground_truth" / "spot" / "000_mask.png")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", ["no such folder", "plates"]),
        ("empty", ["no category in", "train/good"]),
        ("no good images", ["bolt/train/good has no image files"]),
        ("no training images", ["category bolt has no training images", "--categories"]),
        ("unreadable", ["001.png", "--skip-unreadable"]),
        ("mask of another size", ["000_mask.png", "10 x 10", "64 x 64"]),
    ],
)
def test_unusable_data_is_one_line(run_plates, out, kind, said):
    break_data(kind, out.with_name("plates"))
    assert_refused(run_plates("-q"), 1, *said)
    assert not out.exists()


def test_a_folder_that_does_not_exist_is_not_announced(call, tmp_path):
    refused = call("run", "--dataset", "folder", "--data-root", tmp_path / "none")
    assert_refused(refused, 1, "no such folder")


def test_a_folder_without_a_place_asks_for_one(call):
    assert_refused(call("run", "--dataset", "folder", "-q"), 2, "--data-root", "CADBENCH_DATA")


def test_skip_unreadable_goes_on_and_the_record_lists_what_was_left_out(run_plates, out, call):
    from cadbench.results.records.store import find_records

    break_data("unreadable", out.with_name("plates"))
    done = run_plates(*FINETUNE, "--skip-unreadable", "-q")
    assert done.code == 0
    assert done.err.startswith(
        "warning: bolt: 1 file cannot be read and is left out, such as bolt/test/good/001.png: "
    )
    (record,) = find_records(out)
    assert [skipped["path"] for skipped in record.run["skipped"]] == ["bolt/test/good/001.png"]
    assert "left out: bolt/test/good/001.png" in call("show", "finetune", "--out", out).out


def test_one_label_only_is_warned_and_shown_as_a_dash_while_the_rest_goes_on(run_plates, out, call):
    root = out.with_name("plates")
    shutil.rmtree(root / "bolt" / "test" / "good")
    done = run_plates(*FINETUNE, "-q")
    assert done.code == 0
    assert done.err.startswith("warning: bolt: all test images are defective, so its AUROC")
    assert done.err.count("\n") == 1
    shown = call("table", "per-category", "--out", out).out
    header, row = (
        next(line for line in shown.splitlines() if line.startswith(f"| {word}"))
        for word in ("method", "finetune")
    )
    cells = dict(zip(header.split("|"), (cell.strip() for cell in row.split("|")), strict=True))
    by_name = {name.strip(): cell for name, cell in cells.items()}
    assert by_name["bolt"] == "–"
    assert np.isfinite([float(by_name["apple"]), float(by_name["cork"])]).all()


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("apple\nbolt\n", "cork"),
        ("apple\nbolt\ncork\ncrok\n", "crok"),
        ("apple\nbolt\ncork\ncork\n", "twice"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_an_order_file_that_does_not_fit_is_wrong_usage(run_plates, tmp_path, out, listed, said):
    file = tmp_path / "order.txt"
    file.write_bytes(listed if isinstance(listed, bytes) else listed.encode())
    assert_refused(run_plates("-q", "--order", file), 2, "order.txt", said)
    assert not out.exists()


def test_an_order_file_gives_the_order_and_its_place_stays_out_of_the_record(
    run_plates, out, tmp_path
):
    from cadbench.results.records.store import find_records

    file = tmp_path / "order.txt"
    file.write_text("cork\n\napple\nbolt\n")
    assert run_plates(*FINETUNE, "--order", file).code == 0
    (record,) = find_records(out)
    assert record.categories == ["cork", "apple", "bolt"]
    assert re.fullmatch(r"file-[0-9a-f]{8}", record.order)


# --- records


def test_commands_on_records_say_so_where_there_are_none(call, tmp_path):
    for command in (["table"], ["leaderboard"], ["show", "mecad"]):
        assert_refused(call(*command, "--out", tmp_path), 2, "no records in", "cadbench run")


def test_a_row_that_lacks_runs_is_left_out_unless_common_or_mixed(run_plates, out, call):
    assert run_plates(*FINETUNE, "--seeds", "0-1").code == 0
    assert run_plates("--method", "mecad", *SMALL).code == 0
    alone = call("table", "--out", out)
    assert alone.code == 0
    assert re.search(r"left out: mecad \(\w+\) lacks seed 1 .*--common", alone.out)
    for option in ("--allow-mixed", "--common"):
        both = call("table", "--out", out, option)
        assert both.code == 0
        assert {"finetune", "mecad"} <= set(re.findall(r"^\| (\w+)", both.out, re.MULTILINE))
    chosen = call("table", "--out", out, "--methods", "finetune", "--columns", "acc,worst_drop")
    assert chosen.code == 0
    assert "worst_drop" in chosen.out

    table = ("table", "--out", out, "--methods", "finetune")
    assert_refused(call(*table, "--columns", "accc"), 2, "'accc'", "acc")
    assert_refused(call(*table, "--columns", ","), 2, "list is empty")
    assert_refused(call("table", "per-category", "--out", out, "--columns", "acc"), 2, "main")
    assert_refused(call("leaderboard", "--out", out, "--sort", "speed"), 2, "'speed'", "seconds")
    assert_refused(call("table", "--out", out, "--methods", "mecda"), 2, "did you mean mecad?")
    assert_refused(call("table", "--out", out, "--protocol", "x"), 2, "--protocol", "plates-1x3")


def test_an_unknown_run_is_wrong_usage(run_plates, out, call):
    assert run_plates(*FINETUNE).code == 0
    for command in (("show",), ("audit",), ("score", "image.png")):
        refused = call(command[0], "abcdef", *command[1:], "--out", out)
        assert_refused(refused, 2, "no record matches 'abcdef'", "`cadbench runs ls`")
    assert call("show", "finetune", "--out", out).code == 0


def test_an_unforeseen_failure_is_one_line_that_says_how_to_see_more(run_plates, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr("cadbench.benchmark.running.runner.Runner.run", fail)
    failed = run_plates("-q")
    assert failed.code == 1
    assert failed.err == (
        "error: internal error: ZeroDivisionError: first (set CADBENCH_DEBUG=1 for the traceback)\n"
    )
    monkeypatch.setenv("CADBENCH_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run_plates("-q")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("/lib/x.so: failed to map segment from shared object"),
    ],
    ids=["python", "torch", "system", "linker"],
)
def test_too_little_memory_is_one_line_that_says_what_to_do(run_plates, monkeypatch, error):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("cadbench.benchmark.running.runner.Runner.run", fail)
    assert_refused(run_plates("-q"), 1, "out of memory", "--image-size")
