"""`SaltedIds`: the image ids that a method gets instead of content hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

SALT_BYTES = 16


class SaltedIds:
    """Keyed hashes of content hashes: equal images have equal ids, and every run has its own.

    A method therefore cannot look an image up in a table of a public dataset by its id. Records and
    caches keep the content hashes.

    Attributes:
        salt: the key, 16 random bytes unless it is that of an interrupted run.
    """

    def __init__(self, salt: bytes | None = None) -> None:
        self.salt = salt or os.urandom(SALT_BYTES)

    def __call__(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the ids for a method, in the order of these content hashes."""
        hashed = (hashlib.blake2b(each.encode(), key=self.salt, digest_size=32) for each in ids)
        return tuple(each.hexdigest() for each in hashed)
