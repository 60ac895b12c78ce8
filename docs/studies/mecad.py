"""The study behind docs/mecad.md: MECAD's readings and rules of assignment.

    python docs/studies/mecad.py --data-root /data/mvtec7 --out runs-mvtec7 \
        --groups bottle+metal_nut/pill+screw+toothbrush/grid+transistor \
        --groups bottle+screw/metal_nut+pill+grid/toothbrush+transistor

Without `--data-root` it runs on the synthetic dataset. Cells that are finished are reused.
"""

from __future__ import annotations

import argparse
from typing import Any

import cadbench

ORDERS = ["alphabetical", "random:0", "random:1", "random:2"]
EXPERTS = range(1, 9)
SOME_EXPERTS = [1, 3, 5, 8]
COMPARED = range(2, 7)
UNTIL_VERSION_1 = 0.6063
"""The threshold that version 1 compared another quantity with, on lite0."""


def parts(groups: list[str], lite0: bool) -> list[tuple[dict[str, Any], range]]:
    """The parameters of mecad and the seeds of each part of the study."""
    seeds = range(3)
    centroids = ["categories", "memory", "buffer"]
    found: list[tuple[dict[str, Any], range]] = [
        ({"experts": EXPERTS, "expert_centroid": centroids}, seeds),
        ({"experts": COMPARED, "threshold": 1.0}, seeds),
        ({"experts": COMPARED, "assignment": "round_robin"}, seeds),
        ({"experts": COMPARED, "assignment": "random"}, range(10)),
        *(({"assignment": "given", "groups": each}, seeds) for each in groups),
        ({"experts": SOME_EXPERTS, "expert_centroid": centroids, "centroid": "coreset"}, seeds),
        ({"experts": SOME_EXPERTS, "update": "reselect"}, seeds),
        ({"experts": SOME_EXPERTS, "replay_share": ["class_budget", "expert_budget"]}, seeds),
        ({"experts": SOME_EXPERTS, "replay": ["full", "shrink"]}, seeds),
        ({"experts": SOME_EXPERTS, "selector": "approximate_greedy"}, seeds),
    ]
    if lite0:
        old = {"experts": EXPERTS, "expert_centroid": "memory", "threshold": UNTIL_VERSION_1}
        found.insert(1, (old, seeds))
    return found


def main() -> None:
    """Run every part, one after another."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--out", default="runs")
    parser.add_argument("--data-root")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--groups", action="append", default=[])
    given = parser.parse_args()
    dataset = "folder" if given.data_root else "synthetic"
    for params, seeds in parts(given.groups, given.backbone == "tf_efficientnet_lite0"):
        study = cadbench.Study(
            dataset=dataset,
            data_root=given.data_root,
            backbone=given.backbone,
            methods={"mecad": params},
            orders=ORDERS,
            seeds=seeds,
        )
        study.run(given.out, maps="none")


if __name__ == "__main__":
    main()
