"""`Opaque`: a reference that only the benchmark's own modules can follow.

What a method receives holds opaque references instead of caches, sources and files. No attribute,
slot, closure or bound method leads through one. Code that imports this module can follow it: Python
has no private memory, and SECURITY.md says what that means.
"""

from __future__ import annotations

import weakref
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")


class Opaque(Generic[T]):
    """A reference without content; `reveal` returns the value that it stands for."""

    __slots__ = ("__weakref__",)

    def __copy__(self) -> Opaque[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Opaque[T]:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "experiences, batches and services cannot be pickled; keep the tensors that you need"
        )


_VALUES: dict[weakref.ref[Opaque[Any]], Any] = {}
"""The value of each reference that is still in use."""


def conceal(value: T) -> Opaque[T]:
    """Return an opaque reference to a value, which must not refer to the reference."""
    opaque: Opaque[T] = Opaque()
    _VALUES[weakref.ref(opaque, _forget)] = value
    return opaque


def reveal(opaque: Opaque[T]) -> T:
    """Return the value of an opaque reference."""
    value: T = _VALUES[weakref.ref(opaque)]
    return value


def _forget(reference: weakref.ref[Opaque[Any]]) -> None:
    """Drop the value of a reference that is no longer in use."""
    # A module function: a closure here would lead from the weak reference to all values.
    _VALUES.pop(reference, None)
