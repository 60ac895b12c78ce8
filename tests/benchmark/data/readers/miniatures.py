"""Miniature copies of published datasets in their real layouts, a few pixels an image."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 6, 8


class Pen:
    """Draws below a root; every image is another, and a mask is defective at one pixel."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._random = np.random.default_rng(0)
        self._masks = 0

    def image(self, path: str) -> None:
        self._save(path, self._random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))

    def images(self, folder: str, count: int, ending: str = "png") -> None:
        for number in range(count):
            self.image(f"{folder}/{number:03}.{ending}")

    def mask(self, path: str, value: int = 255) -> None:
        pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
        pixels.flat[self._masks % pixels.size] = value
        self._masks += 1
        self._save(path, pixels)

    def text(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def _save(self, path: str, pixels: np.ndarray) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(self.root / path)


def draw_mvtec(root: Path, categories: Iterable[str], defect: str = "scratch") -> Path:
    pen = Pen(root)
    for category in categories:
        pen.images(f"{category}/train/good", 3)
        pen.images(f"{category}/test/good", 2)
        pen.images(f"{category}/test/{defect}", 2)
        for number in range(2):
            pen.mask(f"{category}/ground_truth/{defect}/{number:03}_mask.png")
    return root


def draw_mpdd(root: Path) -> Path:
    return draw_mvtec(root, ("bracket_black", "tubes"), "hole")


def draw_btad(root: Path) -> Path:
    pen = Pen(root)
    for category, image, mask in (("01", "bmp", "png"), ("02", "png", "png"), ("03", "bmp", "bmp")):
        pen.images(f"{category}/train/ok", 3, image)
        pen.images(f"{category}/test/ok", 2, image)
        pen.images(f"{category}/test/ko", 2, image)
        for number in range(2):
            pen.mask(f"{category}/ground_truth/ko/{number:03}.{mask}")
    return root


def draw_mvtec_loco(root: Path) -> Path:
    pen = Pen(root)
    for category in ("juice_bottle", "pushpins"):
        pen.images(f"{category}/train/good", 3)
        pen.images(f"{category}/validation/good", 2)
        pen.images(f"{category}/test/good", 2)
        for defect in ("logical_anomalies", "structural_anomalies"):
            pen.images(f"{category}/test/{defect}", 1)
            for number in range(2):
                pen.mask(f"{category}/ground_truth/{defect}/000/{number:03}.png", 200 + number)
        pen.text(f"{category}/defects_config.json", "[]")
    return root


def draw_visa(
    root: Path,
    edit: Callable[[str], str] = lambda text: text,
    categories: Iterable[str] = ("candle", "pcb1"),
) -> Path:
    """edit: changes the text of the list."""
    pen = Pen(root)
    rows = ["object,split,label,image,mask"]
    for category in categories:
        for number in range(5):
            path = f"{category}/Data/Images/Normal/{number:04}.JPG"
            pen.image(path)
            rows.append(f"{category},{'test' if number > 2 else 'train'},normal,{path},")
        for number in range(2):
            path = f"{category}/Data/Images/Anomaly/{number:03}.JPG"
            mask = f"{category}/Data/Masks/Anomaly/{number:03}.png"
            pen.image(path)
            pen.mask(mask, value=1 + number)
            rows.append(f"{category},test,anomaly,{path},{mask}")
        pen.text(f"{category}/image_anno.csv", "image,label,mask\n")
    pen.text("split_csv/1cls.csv", edit("\n".join(rows) + "\n"))
    pen.text("LICENSE-DATASET", "")
    return root


def real_iad_list(category: str) -> dict[str, Any]:
    def sample(kind: str, place: str, mask: str | None = None) -> dict[str, Any]:
        paths = {"image_path": f"{place}.jpg", "mask_path": mask and f"{mask}.png"}
        return {"category": category, "anomaly_class": kind, **paths}

    good = [sample("OK", f"OK/S{n:04}/{category}_{n:04}_OK_C{n}_2023") for n in range(1, 6)]
    bad = f"NG/QS/S0009/{category}_0009_NG_QS_"
    return {
        "meta": {"prefix": f"{category}/", "normal_class": "OK", "pre_transform": False},
        "train": good[:3],
        "test": [
            *good[3:],
            sample("QS", f"{bad}C1_2023", f"{bad}C1_2023_mask"),
            sample("QS", f"{bad}C2_2023"),  # the defect does not show from here
        ],
    }


def draw_real_iad(root: Path, size: str = "1024", lists: str = "realiad_jsons") -> Path:
    pen = Pen(root)
    for category in ("audiojack", "toy"):
        listed = real_iad_list(category)
        for sample in listed["train"] + listed["test"]:
            pen.image(f"realiad_{size}/{category}/{sample['image_path']}")
            if sample["mask_path"]:
                pen.mask(f"realiad_{size}/{category}/{sample['mask_path']}")
        pen.text(f"{lists}/{category}.json", json.dumps(listed))
    return root
