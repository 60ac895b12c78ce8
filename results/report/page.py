"""Write the report: records in, the text of one HTML file out."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from ..analysis.joint import is_reference
from ..analysis.quantities import QUANTITIES
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import Defaults
from ..leaderboard.boards import Board, boards
from ..metrics.registry import CATEGORY_METRICS, DEFAULT, split_name, stored_name
from ..published.rows import PublishedRow
from ..published.tiers import TIERS
from ..records.provenance import provenance
from ..records.record import Record
from ..rendering.markdown import display
from ..rendering.table import number
from ..statistics.leader import find_leader
from .boards import board_values
from .gallery import Gallery, gallery_values
from .json_safe import embedded
from .runs import run_values

_SHORT = (
    "acc", "bwt", "fm", "gap_to_joint", "pooled_auroc", "routing_accuracy", "stored_mb",
    "utilization", "update_seconds", "ms_per_image",
)  # fmt: skip
"""The columns that a leaderboard shows before a reader chooses all metrics."""

_SCRIPTS = (
    *("elements.js", "tables.js", "charts.js", "overview.js", "images.js", "run.js", "compare.js"),
    "start.js",
)

NO_IMAGES = "Sample images are left out: `cadbench report --images` with the dataset adds them."


def report_page(
    records: Sequence[Record],
    *,
    published: Iterable[PublishedRow] = (),
    defaults: Defaults | None = None,
    galleries: Sequence[Gallery] = (),
    no_images: str = NO_IMAGES,
    command: str = "cadbench report",
) -> str:
    """Write the HTML file. Style, scripts, data and images are embedded; it loads nothing.

    The same records give the same bytes.

    Args:
        records: the records.
        published: published rows.
        defaults: default parameters by method name.
        galleries: sample images.
        no_images: text to print if there are no sample images.
        command: the command that makes the report.
    """
    from jinja2 import Environment, StrictUndefined

    found = boards(records, defaults=defaults, published=published)
    style = _text("page.css")
    script = "\n".join(_text(name) for name in _SCRIPTS)
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return template.from_string(_text("page.html")).render(
        policy=_policy(style, script),
        style=style,
        script=script,
        data=embedded(page_data(records, found, galleries, no_images)),
        summary=_summary(records, found),
        version=importlib.metadata.version("cadbench"),
        command=command,
    )


def page_data(
    records: Sequence[Record],
    found: Sequence[Board],
    galleries: Sequence[Gallery] = (),
    no_images: str = NO_IMAGES,
) -> dict[str, Any]:
    """The data for the scripts of the page; runs by key."""
    kinds: dict[str, int] = {}
    return {
        "tiers": TIERS,
        "bases": {
            base: {
                "heading": metric.heading,
                "better": metric.better,
                "mean": stored_name(base, "acc"),
                "chance": metric.fixed_chance,
            }
            for base, metric in CATEGORY_METRICS.items()
        },
        "default_base": DEFAULT,
        "quantities": {
            name: {
                "heading": each.column.name,
                "digits": each.column.digits,
                "better": each.column.better,
                "note": each.note,
                "base": each.base,
                "short": split_name(name)[1] in _SHORT,
            }
            for name, each in QUANTITIES.items()
        },
        "made_with": provenance(records),
        "boards": [board_values(board) for board in found],
        "runs": {record.key: run_values(record, kinds) for record in records},
        "kinds": [json.loads(named) for named in kinds],
        "galleries": [gallery_values(gallery) for gallery in galleries],
        "no_images": no_images,
    }


def _summary(records: Sequence[Record], found: Sequence[Board]) -> dict[str, Any]:
    """Counts, and the best row by AUROC of each board."""
    counts = {
        "records": len(records),
        "configurations": sum(len(board.comparison.rows) for board in found),
        "methods": len({record.method for record in records}),
        "groups": len(found),
    }
    return {"counts": counts, "best": [best for board in found if (best := _best(board))]}


def _best(board: Board) -> dict[str, str] | None:
    """The best row by AUROC, and the rows that a test does not separate from it."""
    acc = QUANTITIES["acc"]
    c = board.comparison
    names = [" ".join(part for part in label[:2] if part) for label in board.labels]
    means = [
        spread_over_runs(row.records, map(acc.read, readings))
        for row, readings in zip(c.rows, c.readings, strict=True)
    ]
    rated = [place for place, spread in enumerate(means) if spread.n]
    bounds = [place for place in rated if is_reference(c.rows[place])]
    contenders = [place for place in rated if place not in bounds] or bounds
    if not contenders:
        return None
    best = max(contenders, key=lambda place: number(means[place]))
    bounds = [place for place in bounds if place != best]
    leader = find_leader(c.rows)
    if leader is not None and leader.best != best:
        leader = None  # the best row has other runs than most, so it was not tested
    return {
        "board": board.title,
        "row": names[best],
        "auroc": display(means[best], acc.column),
        "close": ", ".join(names[place] for place in leader.close) if leader else "",
        "note": leader.note if leader else "",
        "bounds": ", ".join(f"{names[k]} {display(means[k], acc.column)}" for k in bounds),
    }


def _policy(style: str, script: str) -> str:
    """Content security policy: only this style, these scripts, embedded images; no connections."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
