"""The built-in synthetic dataset: 15 procedurally generated categories in the MVTec AD layout.

Only the code that renders the images is shipped. The same `VERSION` gives the same pixels on every
machine; it is increased whenever a pixel changes. An image is rendered when it is first read, so
that a run starts with its first category; `checksums.txt` holds the content hashes of all files.
"""

from __future__ import annotations

VERSION = "1"
TEXTURES = ("brushed_steel", "denim", "linen", "oak", "terrazzo")
OBJECTS = (
    "ampoule",
    "biscuit",
    "bolt",
    "bracket",
    "button",
    "coin_cell",
    "connector",
    "gear",
    "key",
    "washer",
)
CATEGORIES = tuple(sorted(TEXTURES + OBJECTS))
TRAIN_GOOD, TEST_GOOD, TEST_DEFECTIVE = 40, 10, 20
