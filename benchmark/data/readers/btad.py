"""BTAD of beanTech (Mishra et al., ISIE 2021): the MVTec AD layout with folders `ok` and `ko`.

    <root>/<category>/train/ok/*
    <root>/<category>/test/ok/*, test/ko/*
    <root>/<category>/ground_truth/ko/<stem>.*

Images are BMP in 01 and 03 and PNG in 02, masks PNG in 01 and 02 and BMP in 03.
"""

from __future__ import annotations

from .mvtec_layout import MvtecLayout
from .published import Published


class Btad(Published, MvtecLayout, entry="btad"):
    """Three products."""

    layout = "01, 02 and 03, each with train/ok/* and test/{ok,ko}/*"
    good = "ok"
