"""The printed name, color and marker of each method, the same in every figure, table and page."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
"""Okabe and Ito (2008), readable with color blindness, with gray in place of yellow. The report has
the same colors, adapted to light and dark pages, as `--c0` to `--c7` in page.css."""

MARKERS = "os^DvPX<>*ph"
"""matplotlib's markers; the report draws the same shapes (`SHAPES` in charts.js)."""


class Mark(NamedTuple):
    """Places in COLORS and MARKERS."""

    color: int
    marker: int


_METHODS: dict[str, tuple[str, int, int]] = {
    "mecad": ("MECAD", 0, 0),
    "patchcore": ("PatchCore", 1, 1),
    "patchcore_cl": ("PatchCore-CL", 1, 5),
    "per_category": ("per-category", 2, 2),
    "pooled": ("pooled", 4, 4),
    "replay": ("replay", 3, 3),
    "finetune": ("fine-tuning", 7, 6),
    "joint": ("joint", 6, 9),
    "gcr": ("GCR", 4, 10),
    "incremental_coreset": ("incremental coreset", 4, 9),
    "ucad": ("UCAD", 3, 11),
    "dne": ("DNE", 4, 8),
    "dne_finetuned": ("DNE, fine-tuned", 4, 3),
    "iuf": ("IUF", 0, 4),
    "ocsvm": ("OCSVM", 7, 1),
    "padim": ("PaDiM", 5, 3),
    "padim_per_category": ("PaDiM per category", 5, 2),
}
"""Method -> printed name, color, marker. Black and gray: the references above and below."""

_DETECTORS = {
    "feature_ae": "feature AE",
    "stfpm": "STFPM",
    "rd4ad": "RD4AD",
    "vae": "VAE",
    "uniad": "UniAD",
    "moead": "MoEAD",
    "crad": "CRAD",
}
"""Trained detector -> printed name; each turns the markers of strategies by its place."""

_STRATEGIES: dict[str, tuple[str, int, int]] = {
    "naive": ("naive", 7, 6),
    "joint": ("joint", 6, 9),
    "cumulative": ("cumulative", 2, 2),
    "replay": ("replay", 3, 3),
    "derpp": ("DER++", 1, 1),
    "ewc": ("EWC", 5, 10),
    "si": ("SI", 5, 7),
    "mas": ("MAS", 5, 4),
    "lwf": ("LwF", 4, 4),
    "agem": ("A-GEM", 0, 0),
    "gpm": ("GPM", 0, 8),
    "gss": ("GSS", 3, 11),
    "mir": ("MIR", 1, 5),
    "tame": ("TAME", 1, 9),
    "seed_like": ("SEED-like", 2, 7),
    "generative": ("generative replay", 7, 0),
}


def mark_of(method: str) -> Mark:
    """The color and marker of a method: they depend on its name only.

    Strategies of one trained detector differ; detectors with one strategy differ in the marker.
    """
    if method in _METHODS:
        return Mark(*_METHODS[method][1:])
    detector, _, strategy = method.partition("+")
    if strategy in _STRATEGIES:
        turn = [*_DETECTORS].index(detector) if detector in _DETECTORS else _number(detector)
        _, color, marker = _STRATEGIES[strategy]
        return Mark(color, (marker + 1 + turn) % len(MARKERS))
    number = _number(method)
    return Mark(number % len(COLORS), number // len(COLORS) % len(MARKERS))


def printed_name(method: str) -> str:
    """A method as papers print it: `PatchCore`, `feature AE, EWC`; other names stay as they are."""
    detector, _, strategy = method.partition("+")
    if strategy in _STRATEGIES:
        return f"{_DETECTORS.get(detector, detector)}, {_STRATEGIES[strategy][0]}"
    return _METHODS[method][0] if method in _METHODS else method


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
