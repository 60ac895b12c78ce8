"""The study behind docs/mecad.md: MECAD's readings and rules of assignment.

    python docs/studies/mecad.py --data-root /data/mvtec7 --out runs-mvtec7 \
        --groups bottle+metal_nut/pill+screw+toothbrush/grid+transistor \
        --groups bottle+screw/metal_nut+pill+grid/toothbrush+transistor

Without `--data-root` it runs on the synthetic dataset. Cells that are finished are reused.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import cadbench

EXPERTS = range(1, 9)
SOME = [3, 5]
"""Numbers of experts at which rules of assignment, and readings of memory, are compared."""
ORDERS = ("alphabetical", "random:0", "random:1", "random:2")
ONE_ORDER = ("alphabetical",)
VERSION_1 = 0.6063
"""The threshold of version 1 on lite0. It was calibrated on centroids of categories, and compared
with the mean of an expert's memory."""


class Part(NamedTuple):
    """Some parameters of mecad, every combination of their values."""

    params: dict[str, Any]
    orders: tuple[str, ...] = ORDERS
    seeds: range = range(3)


def parts(groups: list[str]) -> list[Part]:
    """The parts of the study; `groups` are groupings for assignment=given."""
    # With a threshold of 1 similarity uses all experts, so that the rules differ in groups only.
    all_used = {"experts": SOME, "threshold": 1.0}
    memory = {"experts": EXPERTS, "expert_centroid": "memory"}
    return [
        Part({"experts": EXPERTS}),
        Part({**all_used, "assignment": ["similarity", "round_robin"]}),
        *(Part({"assignment": "given", "groups": each}) for each in groups),
        Part({"experts": SOME, "assignment": "random"}, seeds=range(10)),
        Part({**memory, "threshold": VERSION_1}, ONE_ORDER),
        Part({"experts": EXPERTS, "expert_centroid": ["memory", "buffer"]}, ONE_ORDER),
        Part({"experts": SOME, "update": ["union", "reselect"]}, ONE_ORDER),
        Part({"experts": SOME, "replay_share": ["class_budget", "expert_budget"]}, ONE_ORDER),
        Part({"experts": SOME, "replay": ["full", "shrink"]}, ONE_ORDER),
        Part({"experts": SOME, "centroid": "coreset"}, ONE_ORDER),
        Part({"experts": SOME, "selector": "approximate_greedy"}, ONE_ORDER),
    ]


def main() -> None:
    """Run every part, one after another."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--out", default="runs")
    parser.add_argument("--data-root")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--groups", action="append", default=[])
    given = parser.parse_args()
    dataset = "folder" if given.data_root else "synthetic"
    for part in parts(given.groups):
        study = cadbench.Study(
            dataset=dataset,
            data_root=given.data_root,
            backbone=given.backbone,
            methods={"mecad": part.params},
            orders=part.orders,
            seeds=part.seeds,
        )
        study.run(given.out, maps="none")


if __name__ == "__main__":
    main()
