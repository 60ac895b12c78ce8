"""Prefixes: key and value vectors that each block of a frozen transformer attends to as well."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ....results.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_ATTENTIONS = ("Attention", "EvaAttention")
"""timm's classes of attention that can take prefixes."""


def prefix_shape(network: torch.nn.Module, length: int) -> tuple[int, int, int, int]:
    """Return the shape of the prefixes of a network.

    Args:
        network: the layers of a backbone.
        length: number of vectors per block.

    Returns:
        (blocks, 2, length, D): per block, key vectors and value vectors of all heads.

    Raises:
        UsageError: the network is no vision transformer, or of a kind that takes no prefixes.
    """
    attentions = _attentions(network)
    first = attentions[0]
    return len(attentions), 2, length, first.num_heads * first.head_dim


@contextlib.contextmanager
def with_prefixes(network: torch.nn.Module, prefixes: Tensor | None) -> Iterator[None]:
    """Let the blocks of a network attend to prefixes inside a `with` block.

    Args:
        network: the layers of a backbone.
        prefixes: (blocks, 2, L, D); None leaves the network as it is.

    Raises:
        UsageError: as in `prefix_shape`.
        ValueError: the prefixes have another shape.
    """
    if prefixes is None:
        yield
        return
    attentions = _attentions(network)
    expected = prefix_shape(network, prefixes.shape[2] if prefixes.ndim == 4 else 1)
    if tuple(prefixes.shape) != expected:
        raise ValueError(f"expected prefixes of shape {expected}, got {tuple(prefixes.shape)}")
    try:
        for attention, prefix in zip(attentions, prefixes, strict=True):
            # An attribute of the instance takes the place of the method of its class.
            attention.forward = functools.partial(_attend, attention, prefix)
        yield
    finally:
        for attention in attentions:
            attention.__dict__.pop("forward", None)


def _attentions(network: Any) -> list[Any]:
    """The attention of each block."""
    blocks = getattr(getattr(network, "model", network), "blocks", ())
    found = [getattr(block, "attn", None) for block in blocks]
    usual = (type(each).__name__ in _ATTENTIONS and not _is_gated(each) for each in found)
    if not found or not all(usual):
        raise UsageError(
            "prompts need a vision transformer with timm's usual attention, which this backbone is "
            "not; choose one such as --backbone vit_base_patch16_224"
        )
    return found


def _attend(
    attention: Any, prefix: Tensor, x: Tensor, *, rope: Tensor | None = None, **others: Any
) -> Tensor:
    """Compute what the attention computes, with prefix (2, L, D) as further keys and values."""
    import torch

    if any(value is not None and value is not False for value in others.values()):
        raise NotImplementedError(f"prefixes with {', '.join(others)}")
    batch, count, _ = x.shape
    heads = attention.num_heads
    q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in _project(attention, x))
    q, k = attention.q_norm(q), attention.k_norm(k)
    if rope is not None:
        q, k = (_rotate(attention, part, rope).type_as(v) for part in (q, k))
    keys, values = (
        part.unflatten(1, (heads, -1)).transpose(0, 1).expand(batch, -1, -1, -1) for part in prefix
    )
    k, v = torch.cat([keys, k], dim=2), torch.cat([values, v], dim=2)
    # Not torch's fused attention: its gradients are not deterministic on CUDA.
    weights = (q * attention.scale @ k.transpose(-2, -1)).softmax(dim=-1)
    x = (weights @ v).transpose(1, 2).reshape(batch, count, -1)
    x = attention.norm(x) if hasattr(attention, "norm") else x
    return attention.proj_drop(attention.proj(x))


def _is_gated(attention: Any) -> bool:
    return getattr(attention, "gate", None) is not None


def _project(attention: Any, x: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values (B, N, D)."""
    import torch

    if attention.qkv is None:
        return attention.q_proj(x), attention.k_proj(x), attention.v_proj(x)
    if getattr(attention, "q_bias", None) is None:
        return attention.qkv(x).chunk(3, dim=2)
    bias = torch.cat((attention.q_bias, attention.k_bias, attention.v_bias))
    return (torch.nn.functional.linear(x, attention.qkv.weight) + bias).chunk(3, dim=2)


def _rotate(attention: Any, part: Tensor, rope: Tensor) -> Tensor:
    """Rotate the queries or keys (B, heads, N, d) of patches by their position."""
    import torch
    from timm.layers import apply_rot_embed_cat

    first = attention.num_prefix_tokens
    half = {"half": True} if getattr(attention, "rotate_half", False) else {}
    rotated = apply_rot_embed_cat(part[:, :, first:], rope, **half)
    return torch.cat([part[:, :, :first], rotated], dim=2)
