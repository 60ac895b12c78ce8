"""Checks that an imported run agrees with its protocol id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...results.errors import RecordError, UsageError
from ...results.records.schema import THRESHOLD_QUANTILE
from ..data.domains import parse_domains
from ..data.images.preprocessing import Preprocessing
from ..pixels.maps import MapSpec
from ..streams.blending import check_blend
from ..streams.contamination import check_contaminate
from ..streams.holdout import check_holdout, check_quantile
from ..streams.schedule import experience_sizes
from .ids import ProtocolSettings, check_id


def check_protocol_of_run(run: Mapping[str, Any]) -> None:
    """Raise `RecordError` if experiences, schedule, preprocessing and protocol id disagree."""
    cell = run["cell"]
    try:
        drift = cell.get("drift", [])
        domains = parse_domains([each["name"] for each in drift], "drift")
        returns = len(cell["order"]["categories"]) * len(domains)
        sizes = experience_sizes(cell["schedule"], len(cell["order"]["categories"]) + returns)
        if sizes != tuple(map(len, run["experiences"])):
            raise RecordError(f"its experiences differ from the schedule {cell['schedule']}")
        preprocessing, maps = Preprocessing(**cell["preprocessing"]), MapSpec(**cell["maps"])
        settings = ProtocolSettings(
            *(cell["dataset"], cell["schedule"], cell["routing"], preprocessing, maps),
            tuple(domain.name for domain in domains),
            check_blend(cell.get("blend", 0.0)),
            holdout := check_holdout(cell.get("holdout", 0.0)),
            check_quantile(cell.get("threshold_quantile", THRESHOLD_QUANTILE), holdout),
            None if "contaminate" not in cell else check_contaminate(cell["contaminate"]),
        )
        if cell["protocol"] != settings.generated_id:
            check_id(cell["protocol"], settings)
    except (UsageError, TypeError) as error:
        raise RecordError(f"its protocol is inconsistent: {error}") from error
