"""Banks in fewer bytes: vectors in half precision, or product-quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.params import param
from ...benchmark.system.threads import faiss_threads
from ...results.errors import DataError
from ..bank_scoring import ScoringParams

if TYPE_CHECKING:
    from torch import Tensor

Storage: TypeAlias = Literal["float32", "float16", "pq"]


@dataclass(frozen=True)
class StorageParams(ScoringParams):
    """How the vectors of a bank are stored; the base of the parameters of methods that can."""

    storage: Storage = param(
        "float32", "how banks are stored: float32, float16, or product-quantized", later=True
    )
    pq_values: int = param(
        8, "values of a vector that one code of storage=pq stands for", low=1, later=True
    )
    pq_bits: int = param(6, "bits of a code of storage=pq", low=1, high=8, later=True)


@dataclass(frozen=True)
class CodeLayout:
    """How storage=pq divides M vectors of D values: `codes` codes of `bits` bits per vector.

    The values per code are `pq_values`, or the next number that divides D. A bank of M vectors has
    at most M centroids per code.
    """

    dim: int
    count: int
    params: StorageParams

    @property
    def codes(self) -> int:
        """Codes per vector."""
        values = min(self.params.pq_values, self.dim)
        return self.dim // next(n for n in range(values, self.dim + 1) if self.dim % n == 0)

    @property
    def bits(self) -> int:
        """Bits per code."""
        return min(self.params.pq_bits, self.count.bit_length() - 1)

    @property
    def nbytes(self) -> int:
        """Bytes of all codes and of the codebooks, whose centroids are float32."""
        if self.count == 1:
            return 4 * self.dim
        return self.count * -(-self.codes * self.bits // 8) + 2**self.bits * self.dim * 4


def compress(context: MethodContext, params: StorageParams, bank: Sequence[Block]) -> list[Block]:
    """Store a bank as `params.storage` says, and return the vectors that it then holds.

    Searches need float32, so blocks hold decoded vectors; `compressed_bytes` counts what is stored.
    Cached features are float16 by default: then float16 changes no vector.

    Args:
        context: gives the seed of the codebooks.
        params: parameters of the method.
        bank: the blocks of one bank. With storage=pq they have one codebook and become one block.
    """
    if params.storage == "float16":
        return [_halve(block) for block in bank]
    if params.storage == "pq" and sum(len(block) for block in bank) > 1:
        block = Block.join(bank)
        seed = int(context.rng("product quantization", block.digest).integers(2**31))
        layout = CodeLayout(block.vectors.shape[1], len(block), params)
        return [_replace(block, quantize(block.vectors, layout, seed))]
    return list(bank)


def compressed_bytes(params: StorageParams, bank: Sequence[Block]) -> int:
    """Bytes of the vectors of a bank as they are stored, codebooks included."""
    nbytes = sum(block.nbytes for block in bank)
    if params.storage == "float16":
        return nbytes // 2
    if params.storage == "pq" and bank:
        count = sum(len(block) for block in bank)
        return CodeLayout(bank[0].vectors.shape[1], count, params).nbytes
    return nbytes


def quantize(vectors: Tensor, layout: CodeLayout, seed: int) -> Tensor:
    """Encode vectors (M, D) with codebooks trained on them by k-means, and decode them again."""
    import faiss
    import torch

    quantizer: Any = faiss.ProductQuantizer(layout.dim, layout.codes, layout.bits)
    quantizer.cp.seed = seed
    quantizer.cp.min_points_per_centroid = 1  # no warning about few vectors
    values: np.ndarray = vectors.cpu().numpy()
    with faiss_threads(1):
        quantizer.train(values)
        decoded = quantizer.decode(quantizer.compute_codes(values))
    return torch.from_numpy(decoded).to(vectors.device)


def pack_bank(params: StorageParams, bank: Sequence[Block]) -> list[dict[str, object]]:
    """Convert a bank to plain values for the state of a method, as small as it is stored."""
    packed: list[dict[str, object]] = []
    for block in bank:
        entry: dict[str, object] = {
            "digest": block.digest,
            "places": block.places,
            "category": block.category,
        }
        if params.storage == "float16":
            entry["vectors"] = block.vectors.half()
        elif params.storage == "pq" and len(block) > 1:
            layout = CodeLayout(block.vectors.shape[1], len(block), params)
            entry["codes"], entry["codebook"] = _encode(block.vectors, layout)
        else:
            entry["vectors"] = block.vectors
        packed.append(entry)
    return packed


def unpack_bank(
    params: StorageParams, state: Sequence[Mapping[str, Any]], context: MethodContext
) -> list[Block]:
    """Restore a bank that `pack_bank` converted, on the device of the context."""
    bank = []
    for entry in state:
        if "codes" in entry:
            codebook = entry["codebook"]
            dim = codebook.shape[0] * codebook.shape[2]
            layout = CodeLayout(dim, len(entry["codes"]), params)
            vectors = _decode(entry["codes"], codebook, layout)
        else:
            vectors = entry["vectors"].float()
        bank.append(
            Block(
                vectors.to(context.device),
                entry["digest"],
                places=entry.get("places"),
                category=entry.get("category"),
            )
        )
    return bank


def _encode(vectors: Tensor, layout: CodeLayout) -> tuple[Tensor, Tensor]:
    """Find the codes of decoded vectors (M, D), without loss.

    Returns:
        Codes (M, bytes) uint8, without gaps between the bits of a vector, and the codebook
        (codes, centroids, values) float32.
    """
    import torch

    parts = vectors.cpu().numpy().reshape(layout.count, layout.codes, -1)
    codebook = np.zeros((layout.codes, 2**layout.bits, parts.shape[2]), np.float32)
    bits = np.empty((layout.count, layout.codes, layout.bits), np.uint8)
    for code in range(layout.codes):
        centroids, rows = np.unique(parts[:, code], axis=0, return_inverse=True)
        codebook[code, : len(centroids)] = centroids
        bits[:, code] = rows.reshape(-1, 1) >> np.arange(layout.bits) & 1
    codes = np.packbits(bits.reshape(layout.count, -1), axis=1)
    return torch.from_numpy(codes), torch.from_numpy(codebook)


def _decode(codes: Tensor, codebook: Tensor, layout: CodeLayout) -> Tensor:
    """The vectors (M, D) that `_encode` encoded."""
    import torch

    bits = np.unpackbits(codes.cpu().numpy(), axis=1, count=layout.codes * layout.bits)
    weights = 1 << np.arange(layout.bits)
    rows = (bits.reshape(layout.count, layout.codes, layout.bits) * weights).sum(2)
    parts = codebook.cpu().numpy()[np.arange(layout.codes), rows]
    return torch.from_numpy(parts.reshape(layout.count, layout.dim))


def _halve(block: Block) -> Block:
    import torch

    rounded = block.vectors.half().float()
    if not torch.isfinite(rounded).all():
        raise DataError("storage=float16 cannot hold features above 65,504; use storage=float32")
    return block if torch.equal(rounded, block.vectors) else _replace(block, rounded)


def _replace(block: Block, vectors: Tensor) -> Block:
    """A block of other vectors from the same places and the same category."""
    return Block.of(vectors, places=block.places, category=block.category, copy=False)
