"""MPDD, metal parts (Jezek et al., ICUMT 2021): MVTec AD's layout."""

from __future__ import annotations

from benchmark.data.readers.mvtec_layout import MvtecLayout


class Mpdd(MvtecLayout):
    """Six kinds of metal parts."""

    title = "MPDD"
    source = "github.com/stepanje/MPDD"
    categories = (
        "bracket_black", "bracket_brown", "bracket_white", "connector", "metal_plate", "tubes",
    )  # fmt: skip
    folders = ("mpdd",)
