"""MPDD, metal parts (Jezek et al., ICUMT 2021): the MVTec AD layout."""

from __future__ import annotations

from .mvtec_layout import MvtecLayout
from .published import Published


class Mpdd(Published, MvtecLayout, entry="mpdd"):
    """Six kinds of metal parts."""
