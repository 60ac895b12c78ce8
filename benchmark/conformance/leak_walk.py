"""Everything that a method can get at from what it receives, and what must not be among it.

The walk follows attributes, slots, closures, defaults, bound methods, partials, generators,
iterators, weak references with their callbacks, and arrays. It ends at classes, modules, global
variables and frames below a suspended generator: those are open to all code in a process.
"""

from __future__ import annotations

import collections
import gc
import io
import mmap
import os
import types
import weakref
from collections.abc import Iterator

import numpy as np

from ..data.item import Item
from ..data.manifest import Manifest
from ..features.cache.cached_patches import CachedPatchSource
from ..features.cache.shards import Shard, ShardStore
from ..features.feature_set import FeatureSet
from ..pixels.meter import PixelMeter
from ..services.coresets.service import Coresets
from ..services.neighbors.service import Neighbors
from ..streams.stream import Stream

_INTERNAL = (
    *(Item, Manifest, Stream, FeatureSet, PixelMeter),
    *(CachedPatchSource, Shard, ShardStore, Coresets, Neighbors),
)
"""Objects of a run that lead to files, to labels, or to which images belong together."""


def reachable(*roots: object) -> Iterator[tuple[str, object]]:
    """Yield every object that a method could get at from `roots`, each once, with the way there."""
    queue = collections.deque((type(root).__name__, root) for root in roots)
    visited: dict[int, object] = {}  # keeps the objects alive, so that their ids stay distinct
    while queue:
        way, each = queue.popleft()
        if id(each) in visited or isinstance(each, type | types.ModuleType | types.CodeType):
            continue
        visited[id(each)] = each
        yield way, each
        queue.extend((f"{way} > {type(inner).__name__}", inner) for inner in _inside(each))


def describe_leak(each: object) -> str | None:
    """Say what kind of forbidden object this is; None if it is none."""
    if isinstance(each, os.PathLike):
        return f"a path ({type(each).__name__})"
    if isinstance(each, io.IOBase | mmap.mmap | np.memmap):
        return f"an open file ({type(each).__name__})"
    if isinstance(each, _INTERNAL):
        return f"a {type(each).__name__}"
    return None


def find_leak(*roots: object) -> str | None:
    """Describe the first forbidden object that is reachable from what a method received.

    Args:
        *roots: what it received, and what reading from that returned.

    Returns:
        What it is and the way there; None if there is none.
    """
    for way, each in reachable(*roots):
        if (found := describe_leak(each)) is not None:
            return f"{found}: {way}"
    return None


def _inside(each: object) -> Iterator[object]:
    """What an object refers to: all that the garbage collector sees, and a few kinds more."""
    no_entry: set[int] = set()
    if isinstance(each, types.FunctionType):
        no_entry = {id(each.__globals__), id(getattr(each, "__builtins__", None))}
    elif isinstance(each, types.FrameType):
        no_entry = {id(each.f_globals), id(each.f_builtins), id(each.f_back)}
        yield each.f_locals
    elif isinstance(each, types.GeneratorType) and each.gi_frame is not None:
        yield each.gi_frame.f_locals
    elif isinstance(each, dict):
        yield from each  # the collector skips keys that are strings
    elif isinstance(each, weakref.ReferenceType):
        yield each()
        yield each.__callback__
    elif isinstance(each, np.ndarray):
        yield each.base
        if each.dtype == object:
            yield from each.flat
    yield from weakref.getweakrefs(each)
    yield from (inner for inner in gc.get_referents(each) if id(inner) not in no_entry)
    yield from getattr(each, "__dict__", {}).values()
    for kind in type(each).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if not name.startswith("__"):
                yield getattr(each, name, None)
