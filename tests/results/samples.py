"""Small cells, scores, events and memory tables; the AUROC matrix is chosen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from cadbench.results.records.schema import RECORD_SCHEMA, cell_key, config_key

CATEGORIES = ["apple", "bolt", "cork"]
DEFECTIVE = 20
MATRIX = [[0.8, 0.5, math.nan], [0.9, 0.8, 0.4], [0.6, 0.85, 0.95]]


def make_cell(**changes: Any) -> dict[str, Any]:
    """A cell; `method`, `params`, `order`, `backbone` reach inside, the rest replaces a field.

    `map_spec` replaces the field `maps`.
    """
    categories = changes.pop("categories", CATEGORIES)
    method = {
        "name": changes.pop("method", "mecad"),
        "version": changes.pop("version", "1"),
        "params": changes.pop("params", {"experts": 2, "threshold": 0.5}),
    }
    features = {
        "backbone": changes.pop("backbone", "tf_efficientnet_lite0"),
        "weights": "ab" * 32,
        "layers": [1, 2],
        "embedding": "concat",
        "embedding_params": {},
        "dtype": "float16",
        "extraction": 1,
    }
    routing = changes.get("routing", "oracle")
    return {
        "schema": RECORD_SCHEMA,
        "protocol": f"synthetic-1x3-224-{routing}@1",
        "dataset": "synthetic",
        "manifest": "cd" * 32,
        "order": {"name": changes.pop("order", "alphabetical"), "categories": categories},
        "schedule": "1x3",
        "preprocessing": {"resize": 256, "crop": 224},
        "maps": changes.pop("map_spec", {"upsampling": "bilinear", "sigma": 4.0}),
        "routing": "oracle",
        "unseen": "next",
        "features": features,
        "method": method,
        "seed": 0,
        **changes,
    }


def make_scores(
    R: list[list[float]], experiences: list[list[str]], routes: dict[str, int] | None = None
) -> pd.DataFrame:
    """Scores whose AUROC is R (multiples of 1 / 20): one good image, k of 20 defective above it.

    NaN cells are not scored. `routes` sends all images of a category to one expert.
    """
    categories = [category for experience in experiences for category in experience]
    rows = []
    for t, row in enumerate(R, 1):
        for category, value in zip(categories, row, strict=True):
            if math.isnan(value):
                continue
            above = round(value * DEFECTIVE)
            assert math.isclose(above / DEFECTIVE, value), "choose a multiple of 0.05"
            route = (routes or {}).get(category, -1)
            rows.append((t, category, f"{category}-good", 0, "good", 0.5, route))
            rows += [
                (t, category, f"{category}-{i}", 1, "scratch", 0.9 if i < above else 0.1, route)
                for i in range(DEFECTIVE)
            ]
    columns = ["experience", "category", "image", "label", "defect", "score", "route"]
    return pd.DataFrame(rows, columns=columns)


def random_scores(
    experiences: list[list[str]],
    seed: int = 0,
    *,
    good: int = 7,
    defective: int = 9,
    owner: dict[str, int] | None = None,
) -> pd.DataFrame:
    """Noisy scores with ties; every category keeps those of experience 1 until it is learned.

    After that they change. Routes err now and then where there are owners.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = []
    latest: dict[str, list[float]] = {}
    for t, _ in enumerate(experiences, 1):
        for first, new in enumerate(experiences, 1):
            for category in new:
                n = good + defective
                if category not in latest or t >= first:
                    shift = np.repeat([0.0, 1.0], [good, defective])
                    latest[category] = (rng.normal(size=n) + shift).round(1).tolist()
                for i, score in enumerate(latest[category]):
                    label = int(i >= good)
                    route = -1 if owner is None else int(rng.integers(2))
                    defect = ("good", "scratch")[label]
                    # Not in the order of the images' names, as the evaluator shuffles them.
                    name = f"{(i * 5) % n:02d}-{category}"
                    rows.append((t, category, name, label, defect, score, route))
    columns = ["experience", "category", "image", "label", "defect", "score", "route"]
    return pd.DataFrame(rows, columns=columns)


def make_events(owner: dict[str, int], threshold: float = 0.5) -> pd.DataFrame:
    """Assignment events: each category chose its owner; one other candidate is listed."""
    rows: list[dict[str, Any]] = []
    for t, (category, expert) in enumerate(owner.items(), 1):
        common = {"experience": t, "kind": "assignment", "category": category}
        common |= {"threshold": threshold}
        rows.append(
            {**common, "expert": expert, "similarity": 0.6, "chosen": True, "reason": "similar"}
        )
        rows.append(
            {**common, "expert": expert + 1, "similarity": 0.25, "chosen": False, "reason": ""}
        )
    if rows:
        rows.append({"experience": 1, "kind": "note", "category": "", "size": 400})
    return pd.DataFrame(rows, columns=None if rows else ["experience", "kind", "category"])


def make_memory(experiences: int, stored: int = 1440) -> pd.DataFrame:
    """The whole method and two experts after each experience."""
    rows = []
    for t in range(1, experiences + 1):
        rows.append((t, -1, "apple,bolt,cork", 720, stored, 720 * 608, stored * 608, 0.25))
        rows.append((t, 0, "apple,bolt", 480, 800, 480 * 608, 800 * 608, 1 / 3))
        rows.append((t, 1, "cork", 240, 640, 240 * 608, 640 * 608, 1 / 6))
    columns = ["experience", "expert", "categories", "scoring_vectors", "stored_vectors"]
    return pd.DataFrame(rows, columns=[*columns, "scoring_bytes", "stored_bytes", "utilisation"])


def make_run(cell: dict[str, Any], experiences: list[list[str]]) -> dict[str, Any]:
    return {
        "schema": RECORD_SCHEMA,
        "key": cell_key(cell),
        "config_key": config_key(cell),
        "cell": cell,
        "protocol": cell["protocol"],
        "experiences": experiences,
        "features": {"grid": [28, 28], "dim": 152},
        "versions": {"cadbench": "0.1.0"},
        "git_commit": None,
        "device": "cpu",
        "seconds": {"total": 3.0, "observe": 1.0, "score": 2.0, "label": "with shared caches"},
        "maps": "none",
        "skipped": [],
        "pixels": {},
        "notes": [],
        "checksums": {},
    }


def make_losses(loss: float = 2.0, experiences: int = 3) -> pd.DataFrame:
    """Events of a method that trains for two epochs per experience and checks once."""
    rows = [
        (t, kind, "", epoch, value, note)
        for t in range(1, experiences + 1)
        for kind, epoch, value, note in (
            ("epoch", 1, loss * t, None),
            ("epoch", 2, loss * t / 2, None),
            ("check", None, None, "fine"),
        )
    ]
    return pd.DataFrame(rows, columns=["experience", "kind", "category", "epoch", "loss", "note"])
