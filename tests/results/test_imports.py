"""`results` starts at once and stands alone: nothing heavy and no other package on import."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import cadbench.results

HEAVY = {
    "torch",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "statsmodels",
    "scikit_posthocs",
    "matplotlib",
    "cadbench.benchmark",
    "cadbench.methods",
    "cadbench.mecad",
}

DRAWING = "cadbench.results.figures.drawing.styled_figure"
"""Derives a class of matplotlib's; it is imported when a figure is drawn."""


def test_importing_every_module_of_results_loads_nothing_heavy() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(cadbench.results.__path__, "cadbench.results.")
    ]
    assert "cadbench.results.metrics.continual" in modules
    modules.remove(DRAWING)
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.split())
