"""MVTec AD: its official contents, and how to obtain it."""

from __future__ import annotations

from benchmark.data.catalog import load_entry

_ENTRY = load_entry("mvtec")

MVTEC_CATEGORIES = {name: official.images for name, official in _ENTRY.official.items()}
"""As published (Bergmann et al., CVPR 2019): 3,629 training and 1,725 test images."""

SOURCE = f"{_ENTRY.home.removeprefix('https://')} ({_ENTRY.licence.name}, non-commercial use only)"
HOW_TO_OBTAIN = (
    "`cadbench data download mvtec` fetches it once you accept its licence, or get it from "
    f"{SOURCE}, unpack it, and give its folder with --data-root or CADBENCH_DATA"
)
