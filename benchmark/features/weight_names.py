"""Match the tensors of a weights file to those of a timm model, by their names.

Tensors are never matched by their place in the file: two tensors of the same shape in another order
would be exchanged without an error, and every feature would be wrong.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ...results.counts import format_count
from ...results.errors import CadbenchError

if TYPE_CHECKING:
    from torch import Tensor

_COUNTER = "num_batches_tracked"
"""Counters of batch norms, which features do not use."""


def match_tensors(
    backbone: str,
    given: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    head: Collection[str],
) -> dict[str, Tensor]:
    """Return the tensors of a file under the names of the model.

    A prefix that all names of the model have in the file, such as `module.`, is removed. Other
    tensors of the file are ignored. The model's tensors that the file lacks become NaN, so that
    `require_complete` finds those that are used.

    Args:
        backbone: name of the model, for error messages.
        given: the tensors of the file.
        expected: the tensors of the whole model.
        head: names in `expected` that no layer of features uses.

    Raises:
        CadbenchError: the names or shapes in the file are not those of the model, or a value is not
            finite.
    """
    import torch

    given = {name: tensor for name, tensor in given.items() if not name.endswith(_COUNTER)}
    names = [name for name in expected if not name.endswith(_COUNTER)]
    found = _by_name(backbone, given, names)
    if any(name not in head and name not in found for name in names):
        found = (
            _by_efficientnet_name(given, names)
            or _by_mobilenet_name(given, names)
            or _by_similar_name(given, names, head)
            or found
        )
    if not any(name not in head for name in found):
        raise CadbenchError(
            f"the weights file does not fit {backbone}: {min(given, default='nothing')!r} and the "
            f"other names are not those of the model, such as {names[0]!r}; rename its tensors, or "
            "choose another --backbone"
        )
    loaded = {}
    for name, tensor in expected.items():
        if name.endswith(_COUNTER):
            loaded[name] = tensor
        elif name in found and found[name].shape == tensor.shape:
            loaded[name] = _finite(found[name], name)
        elif name in found and name not in head:
            raise CadbenchError(
                f"the weights file does not fit {backbone}: {name} has the shape "
                f"{tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
            )
        else:
            loaded[name] = torch.full_like(tensor, float("nan"))
    return loaded


def without_prefix(
    backbone: str, given: Mapping[str, Tensor], names: Collection[str]
) -> dict[str, Tensor]:
    """Return the tensors below the prefix that most names of the model have, without the prefix.

    Args:
        backbone: name of the model, for error messages.
        given: the tensors of the file; all are returned if no name is the model's.
        names: names of the model.
    """
    prefix = _prefix(backbone, given, names) or ""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in given.items()
        if name.startswith(prefix)
    }


def require_complete(
    backbone: str, model: Mapping[str, Tensor], matched: Mapping[str, Tensor], head: Collection[str]
) -> None:
    """Raise `CadbenchError` if a layer that features use was not in the file.

    Args:
        backbone: name of the model.
        model: the tensors of the layers that are used.
        matched: what `match_tensors` returned.
        head: as there.
    """
    if not any(t.is_floating_point() and t.isnan().any() for t in model.values()):
        return
    missing = [
        name
        for name, tensor in matched.items()
        if name not in head and tensor.is_floating_point() and tensor.isnan().any()
    ]
    raise CadbenchError(
        f"the weights file does not fit {backbone}: it lacks {format_count(len(missing), 'tensor')}"
        f" of the model, such as {missing[0]}"
    )


def _by_name(
    backbone: str, given: Mapping[str, Tensor], names: Collection[str]
) -> dict[str, Tensor]:
    """The tensors whose names are the model's, after the prefix that fits most of them."""
    prefix = _prefix(backbone, given, names)
    if prefix is None:
        return {}
    wanted = frozenset(names)
    return {name: given[f"{prefix}{name}"] for name in wanted if f"{prefix}{name}" in given}


def _prefix(backbone: str, given: Collection[str], names: Collection[str]) -> str | None:
    """The prefix of most names that are the model's; None if no name is."""
    prefixes: collections.Counter[str] = collections.Counter()
    wanted = frozenset(names)
    for name in given:
        parts = name.split(".")
        for index in range(len(parts)):
            if ".".join(parts[index:]) in wanted:
                prefixes["".join(f"{part}." for part in parts[:index])] += 1
    if not prefixes:
        return None
    (prefix, most), *others = prefixes.most_common(2)
    if others and others[0][1] == most > len(names) / 2:
        raise CadbenchError(
            f"the weights file holds {backbone} twice, below {prefix!r} and {others[0][0]!r}; save "
            "one of the two"
        )
    return prefix


def _by_efficientnet_name(given: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """The tensors of a file of the package `efficientnet_pytorch`, or of one like it."""
    if "_conv_stem.weight" not in given:
        return {}
    blocks = list(dict.fromkeys(m[0] for n in names if (m := re.match(r"blocks\.\d+\.\d+", n))))
    words = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
             "_fc": "classifier"}  # fmt: skip
    inner = {"_depthwise_conv": "conv_dw", "_se_reduce": "se.conv_reduce",
             "_se_expand": "se.conv_expand"}  # fmt: skip
    first = {**inner, "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {**inner, "_expand_conv": "conv_pw", "_bn0": "bn1", "_bn1": "bn2",
             "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
    found = {}
    for name, tensor in given.items():
        path, _, kind = name.rpartition(".")
        match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)", path)
        if match is None:
            found[f"{words.get(path, path)}.{kind}"] = tensor
        elif int(match[1]) < len(blocks):
            expands = f"_blocks.{match[1]}._expand_conv.weight" in given
            word = (later if expands else first).get(match[2], match[2])
            found[f"{blocks[int(match[1])]}.{word}.{kind}"] = tensor
    return {name: tensor for name, tensor in found.items() if name in names}


def _by_mobilenet_name(given: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """The tensors of a MobileNetV2 of torchvision, or of one like it.

    In `features.N.conv` its layers have numbers, which increase from the first to the last one.
    """
    if "features.0.0.weight" not in given or "blocks.0.0.conv_dw.weight" not in names:
        return {}
    blocks = list(dict.fromkeys(m[0] for n in names if (m := re.match(r"blocks\.\d+\.\d+", n))))
    paths: dict[int, set[str]] = collections.defaultdict(set)
    for name in given:
        if match := re.match(r"features\.(\d+)\.", name):
            paths[int(match[1])].add(name.rpartition(".")[0])
    targets: dict[str, str] = {}
    for index, layers in paths.items():
        if index == 0:
            words = ["conv_stem", "bn1"]
        elif index > len(blocks):
            words = ["conv_head", "bn2"]
        else:
            inner = ["conv_dw", "bn1", "conv_pw", "bn2"]
            if index > 1:
                inner = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
            words = [f"{blocks[index - 1]}.{word}" for word in inner]
        if len(layers) != len(words):
            return {}
        targets.update(zip(sorted(layers, key=_numbers), words, strict=True))
    found = {}
    for name, tensor in given.items():
        path, _, kind = name.rpartition(".")
        word = "classifier" if path == "classifier.1" else targets.get(path, path)
        found[f"{word}.{kind}"] = tensor
    return {name: tensor for name, tensor in found.items() if name in names}


def _by_similar_name(
    given: Mapping[str, Tensor], names: Collection[str], head: Collection[str]
) -> dict[str, Tensor]:
    """The tensors if each has the last two words and all numbers of exactly one of the model.

    So `stage1.block0.conv1.weight` is `layer1.0.conv1.weight`, wherever it is in the file.
    """
    if len(given) < len(names) - len(head):
        return {}
    signatures: dict[tuple[str, ...], str] = {}
    for name in names:
        if signatures.setdefault(_signature(name), name) != name:
            return {}
    found: dict[str, Tensor] = {}
    for name, tensor in given.items():
        target = signatures.get(_signature(name))
        if target is None or target in found:
            return {}
        found[target] = tensor
    return found


def _signature(name: str) -> tuple[str, ...]:
    """All numbers in a name, then its last two words."""
    return (*re.findall(r"\d+", name), *name.split(".")[-2:])


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _finite(tensor: Tensor, name: str) -> Tensor:
    if tensor.is_floating_point() and not tensor.isfinite().all():
        raise CadbenchError(
            f"the weights file has NaN or infinite values in {name}; the training that wrote it "
            "has diverged, so use another file"
        )
    return tensor
