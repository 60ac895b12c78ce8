"""The method interface: what a continual anomaly detector receives and what it must answer."""

from __future__ import annotations

import functools
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ...results.errors import CadbenchError
from ..system.rng import generator
from .params import Params

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..features.frozen import FrozenBackbone
    from ..features.source import PatchSource
    from ..services.coresets.service import Coresets
    from ..services.neighbors.service import Neighbors

Routing: TypeAlias = Literal["oracle", "inferred"]


@dataclass(frozen=True, eq=False)
class Block:
    """Immutable vectors that can be searched: the unit in which neighbor distances are shared.

    vectors (N, D) float32, on the device; digest: SHA-256 of their values; rows (N,): which rows
    of the block `taken_from` (a digest) they are, None where they were not taken from one.
    """

    vectors: torch.Tensor
    digest: str
    taken_from: str | None = None
    rows: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(cls, vectors: torch.Tensor) -> Block:
        """A block of these vectors (N, D), copied to contiguous float32."""
        vectors = vectors.detach().float().contiguous()
        content = vectors.cpu().numpy()
        digest = hashlib.sha256(repr(content.shape).encode())
        digest.update(content.data)
        return cls(vectors, digest.hexdigest())

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    def take(self, indices: np.ndarray) -> Block:
        """A block of the vectors at `indices` (n,).

        It knows what it was taken from: of a part of a part, the whole.
        """
        import torch

        places = torch.as_tensor(indices, device=self.vectors.device)
        rows = places.cpu().numpy() if self.rows is None else self.rows[places.cpu().numpy()]
        whole = self.taken_from or self.digest
        return replace(Block.of(self.vectors[places]), taken_from=whole, rows=rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors."""
        return self.vectors.numel() * self.vectors.element_size()


@dataclass(frozen=True)
class MethodContext:
    """What a method may use; everything in it is the same for every method of a study.

    feature_dim: D, the length of a patch embedding; grid: (h, w), so that P = h * w patches.
    coresets and neighbors are caches shared between cells: a method that ignores them stays
    correct, only slower.
    """

    seed: int
    device: torch.device
    feature_dim: int
    grid: tuple[int, int]
    routing: Routing
    coresets: Coresets
    neighbors: Neighbors
    _record: Callable[[str, Mapping[str, Any]], None] = field(repr=False)
    _backbone: Callable[[], FrozenBackbone] | None = field(default=None, repr=False)

    def rng(self, purpose: str, name: str = "") -> np.random.Generator:
        """A generator that depends only on (seed, purpose, name)."""
        return generator(self.seed, purpose, name)

    def backbone(self) -> FrozenBackbone:
        """The study's backbone, frozen, for methods that look at images; loaded when asked for."""
        if self._backbone is None:
            raise CadbenchError("this context was made without a backbone")
        return self._backbone()

    def record(self, kind: str, **values: str | int | float | bool | None) -> None:
        """Write one row to the run record's events; `category` is a column of its own."""
        self._record(kind, values)


@dataclass(frozen=True)
class TrainExperience:
    """One step of the training stream: the anomaly-free images of its new categories.

    index: 1-based position in the stream; categories: those it introduces, in order, or shows
    again (only to methods that declare `recurring`); categories_before: how many categories earlier
    experiences showed.
    """

    index: int
    categories: tuple[str, ...]
    categories_before: int
    _patches: Mapping[str, PatchSource] = field(repr=False)
    _pixels: Mapping[str, PatchSource] = field(repr=False)
    _numbers: Mapping[str, int] = field(default_factory=dict, repr=False)

    def number(self, category: str) -> int:
        """The place of a category, from 0, in the order in which all were first shown."""
        usual = self.categories_before + self.categories.index(category)
        return self._numbers.get(category, usual)

    def source(self, category: str) -> PatchSource:
        """The stored training patches of a category, for the coreset service."""
        return self._patches[category]

    def patches(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """(ids, patches (B, P, D) float32 on the device) of all training images of a category."""
        source = self._patches[category]
        return source.ids, source.read(range(len(source.ids)))

    def batches(
        self, category: str, size: int = 32
    ) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
        """The same in batches of at most `size` images, for bounded memory."""
        source = self._patches[category]
        for start in range(0, len(source.ids), size):
            rows = range(start, min(start + size, len(source.ids)))
            yield source.ids[start : start + size], source.read(rows)

    def images(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """(ids, images (B, 3, H, W) uint8) of a category; needs `Method.uses_images`."""
        source = self._pixels[category]
        return source.ids, source.read(range(len(source.ids)))

    def as_avalanche(self, inputs: Literal["images", "patches"] = "images") -> Any:
        """This single experience as an Avalanche `CLExperience`, for real Avalanche strategies.

        Its dataset gives images (3, H, W) float32 in 0..1 or patches (P, D) float32, with the
        number of the category in the stream (from 0) as the target.
        """
        from ..streams.avalanche import train_experience

        return train_experience(self, inputs)


class TestBatch:
    """Test images to score. Ids are opaque, the order says nothing, labels are not here.

    ids: (B,) content hashes; category: its name under `oracle` routing, None under `inferred`.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    def __init__(
        self,
        ids: tuple[str, ...],
        category: str | None,
        read_patches: Callable[[], torch.Tensor],
        read_images: Callable[[], torch.Tensor],
        find_stored: Callable[[], tuple[torch.Tensor, Sequence[int]]] | None = None,
    ) -> None:
        self.ids = ids
        self.category = category
        self._read_patches = read_patches
        self._read_images = read_images
        self._find_stored = find_stored or (lambda: (self.patches, range(len(ids))))

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def patches(self) -> torch.Tensor:
        """(B, P, D) float32 on the device, read when first asked for."""
        return self._read_patches()

    @functools.cached_property
    def stored(self) -> tuple[torch.Tensor, Sequence[int]]:
        """For services: an array (N, P, D), as it is stored, and the batch's rows (B,) in it.

        It may be float16, and the cached file itself: it must not be written to.
        """
        return self._find_stored()

    def images(self) -> torch.Tensor:
        """(B, 3, H, W) uint8, read when asked for; needs `Method.uses_images`."""
        return self._read_images()


@dataclass(frozen=True)
class Prediction:
    """A method's answer to a batch.

    image_scores (B,): higher is more anomalous, any finite range; maps (B, h, w): one value a
    patch, or None; route (B,): which expert answered, or None where there is but one model.
    """

    image_scores: torch.Tensor
    maps: torch.Tensor | None = None
    route: torch.Tensor | None = None


@dataclass(frozen=True)
class ExpertMemory:
    """The memory of one expert; utilization is its buffered vectors over its budget (0 to 1)."""

    expert: int
    categories: tuple[str, ...]
    scoring_vectors: int
    stored_vectors: int
    scoring_bytes: int
    stored_bytes: int
    utilization: float


@dataclass(frozen=True)
class MemoryReport:
    """What a method keeps: vectors it scores with, and all it stores (shared ones counted once)."""

    scoring_vectors: int
    stored_vectors: int
    scoring_bytes: int
    stored_bytes: int
    experts: tuple[ExpertMemory, ...] = ()


@dataclass(frozen=True)
class CellFacts:
    """What is known of a cell before it runs, for resolving parameters left on `auto`.

    names: of the categories, sorted, so that parameters that name them can be checked; their order
    in the stream is not told. Empty where only their number is known.
    """

    backbone: str
    embedding: str
    categories: int
    names: tuple[str, ...] = ()


State: TypeAlias = dict[str, Any]


class Method(ABC):
    """A continual anomaly detector: observes experiences one after another, scores any time.

    Subclasses declare `Params` (a frozen dataclass derived from `cadbench.Params`) and `version`,
    which is part of every record's key: raise it when scores change. The class docstring's first
    line is what `cadbench methods` shows.
    """

    Params: ClassVar[type[Params]] = Params
    version: ClassVar[str] = "1"
    uses_images: ClassVar[bool] = False
    """Whether images() of experiences and batches is called, so that pixels are kept ready."""
    routings: ClassVar[tuple[Routing, ...]] = ("oracle", "inferred")
    """What it can score under; `cadbench run` refuses it any other routing."""
    recurring: ClassVar[bool] = False
    """Whether it can learn a category that it has learned before, under changed conditions or from
    further images; `cadbench run` refuses it streams in which categories return."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        self.params = params
        self.context = context

    @classmethod
    def resolve(cls, params: Any, facts: CellFacts) -> Any:
        """`params` with every value left on `auto` decided, so that the record's key is exact."""
        return params

    @classmethod
    def with_memory(cls, params: Any, vectors: int, categories: int) -> Any | None:
        """`params` so that about `vectors` vectors are stored (`--match-memory`); None: cannot."""
        return None

    @abstractmethod
    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        """Learn the new categories; return the seen categories whose scores may have changed.

        None means all of them.
        """

    @abstractmethod
    def score(self, batch: TestBatch) -> Prediction:
        """Score a batch with what is known now."""

    @abstractmethod
    def memory(self) -> MemoryReport:
        """What is stored now."""

    @abstractmethod
    def state_dict(self) -> State:
        """All that was learned: tensors, numbers, strings, None, lists and dicts of them."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Continue from a `state_dict()` of the same class and parameters."""


def summary(method: type[Method]) -> str:
    """The first line of a method's docstring."""
    return (method.__doc__ or "").strip().split("\n")[0]
