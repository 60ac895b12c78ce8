"""Weights: where they come from, how a hub that fails is reported, and what files are refused."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from cadbench.benchmark.features.weights import EMBEDDED_BACKBONE, find_weights, read_weights
from cadbench.results.errors import CadbenchError, UsageError
from safetensors.torch import save, save_file

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(4, dtype=torch.float16)}
CONTENT = save(TENSORS)
PLACE = "/timm/wide_resnet50_2.tv_in1k/resolve/main/model.safetensors"


class Hub:
    """A model hub on this machine; `files` are served, `requests` are recorded."""

    def __init__(self, status: int = 404) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def answer(self, *, with_body: bool) -> None:
                hub.requests.append((self.command, self.path))
                content = hub.files.get(self.path)
                self.send_response(status if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                if content is not None:
                    self.send_header("X-Repo-Commit", "c" * 40)
                    self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.end_headers()
                if with_body:
                    self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub without files, which the hub's client asks instead of the real one."""
    hub = Hub()
    use_hub(hub.address, tmp_path, monkeypatch)
    yield hub
    hub.close()


def use_hub(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client reads its environment when it is imported, which may be long ago.
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_weights_are_downloaded_once_and_found_again_without_asking(hub):
    hub.files[PLACE] = CONTENT
    weights = find_weights("wide_resnet50_2")
    assert weights.name == hashlib.sha256(CONTENT).hexdigest()
    assert weights.file is not None
    assert weights.file.read_bytes() == CONTENT
    assert ("GET", PLACE) in hub.requests
    hub.requests.clear()
    assert find_weights("wide_resnet50_2") == weights
    assert hub.requests == []


def test_a_hub_without_the_file_is_one_line_that_names_the_ways_out(hub):
    started = time.perf_counter()
    with pytest.raises(CadbenchError) as refused:
        find_weights("wide_resnet50_2")
    assert time.perf_counter() - started < 5
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("the weights of wide_resnet50_2 (timm/wide_resnet50_2.tv_in1k) could")
    assert "404" in message
    assert "--weights FILE" in message
    assert f"--backbone {EMBEDDED_BACKBONE}" in message


def test_a_hub_that_cannot_be_reached_is_one_line_within_seconds(tmp_path, monkeypatch, caplog):
    hub = Hub()
    hub.close()  # nobody listens there any more
    use_hub(hub.address, tmp_path, monkeypatch)
    started = time.perf_counter()
    with pytest.raises(CadbenchError, match=r"could not be downloaded: .*refused.* --weights FILE"):
        find_weights("wide_resnet50_2")
    assert time.perf_counter() - started < 5
    assert "Retrying" not in caplog.text


def test_a_hub_that_is_down_is_one_line_within_seconds(tmp_path, monkeypatch):
    hub = Hub(status=503)
    use_hub(hub.address, tmp_path, monkeypatch)
    started = time.perf_counter()
    with pytest.raises(CadbenchError, match=r"could not be downloaded: .*503.* --weights FILE"):
        find_weights("wide_resnet50_2")
    assert time.perf_counter() - started < 5
    hub.close()


def test_the_embedded_backbone_needs_no_hub(hub):
    weights = find_weights(EMBEDDED_BACKBONE)
    assert weights.file is not None
    assert weights.name == hashlib.sha256(weights.file.read_bytes()).hexdigest()
    assert hub.requests == []


def test_random_weights_need_neither_file_nor_hub_and_say_so_in_their_name(hub):
    assert find_weights("wide_resnet50_2", random=True).name.startswith("random:")
    assert hub.requests == []
    with pytest.raises(UsageError, match="--weights and --random-weights exclude each other"):
        find_weights("wide_resnet50_2", Path("file.pth"), random=True)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"--weights .*none\.pth: no such file"):
        find_weights("wide_resnet50_2", tmp_path / "none.pth")


def test_a_backbone_that_timm_has_no_weights_for_or_does_not_know_is_refused(hub):
    with pytest.raises(
        UsageError, match="no pretrained weights for botnet50ts_256; give --weights FILE"
    ):
        find_weights("botnet50ts_256")
    with pytest.raises(UsageError, match=r"no model 'resnet180' \(did you mean resnet18\w*\?\)"):
        find_weights("resnet180")
    assert hub.requests == []


def saved(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pth", "checkpoint"])
def test_tables_of_tensors_are_read_in_either_format(tmp_path, kind):
    if kind == "safetensors":
        save_file(TENSORS, tmp_path / "w.safetensors")
        file = tmp_path / "w.safetensors"
    else:
        table = {"state_dict": TENSORS, "epoch": 3} if kind == "checkpoint" else TENSORS
        file = saved(tmp_path / "w.pth", table)
    weights = find_weights("wide_resnet50_2", file)
    assert weights.name == hashlib.sha256(file.read_bytes()).hexdigest()
    read = read_weights(file)
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


class Planted:
    """What a pickle may hold: reading it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.folder,)


def test_a_pickle_that_holds_code_is_refused_and_its_code_does_not_run(tmp_path):
    file = saved(tmp_path / "w.pth", {"a": Planted(tmp_path / "planted")})
    with pytest.raises(CadbenchError) as refused:
        read_weights(file)
    assert not (tmp_path / "planted").exists()
    assert "\n" not in str(refused.value)
    assert "could run code" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.pth", b""),
        ("w.pth", b"not a weights file"),
        ("w.safetensors", b"not a weights file"),
        ("w.safetensors", CONTENT[:-3]),
    ],
)
def test_a_damaged_file_is_one_line_with_its_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CadbenchError, match=f"{name} is damaged or contains more than tensors"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("value", [[torch.ones(2)], {"a": 1}, torch.ones(2), {}, {"model": {}}])
def test_a_file_of_something_else_than_named_tensors_is_refused(tmp_path, value):
    with pytest.raises(CadbenchError, match="contains more than tensors"):
        read_weights(saved(tmp_path / "w.pth", value))


@pytest.mark.parametrize(
    "wrapped",
    [
        {"model": TENSORS, "epoch": 1},
        {"model_state_dict": TENSORS, "optimizer": {"lr": 0.1}},
        {"state_dict": {"model": TENSORS}},
        {"network": TENSORS, "step": torch.ones(())},
    ],
)
def test_the_tensors_of_a_checkpoint_are_found(tmp_path, wrapped):
    assert read_weights(saved(tmp_path / "w.pth", wrapped)).keys() == TENSORS.keys()


def test_a_checkpoint_of_several_models_is_refused_with_their_names(tmp_path):
    file = saved(tmp_path / "w.pth", {"teacher": TENSORS, "student": TENSORS})
    with pytest.raises(CadbenchError, match=r"holds several models \(teacher, student\); save"):
        read_weights(file)


def test_an_old_pickle_is_refused_without_a_warning_of_python(tmp_path, recwarn):
    import pickle

    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": TENSORS["b"].numpy()}, protocol=4))
    with pytest.raises(CadbenchError, match="contains more than tensors"):
        read_weights(tmp_path / "w.pth")
    assert not list(recwarn)
