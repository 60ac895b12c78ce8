"""Checks that an imported run agrees with its protocol id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...results.errors import RecordError, UsageError
from ..data.images.preprocessing import Preprocessing
from ..pixels.maps import MapSpec
from ..streams.schedule import experience_sizes
from ..streams.settings import settings_in
from .ids import ProtocolSettings, check_id


def check_protocol_of_run(run: Mapping[str, Any]) -> None:
    """Raise `RecordError` if experiences, schedule, preprocessing and protocol id disagree."""
    cell = run["cell"]
    try:
        settings = ProtocolSettings(
            **settings_in(cell),
            dataset=cell["dataset"],
            preprocessing=Preprocessing(**cell["preprocessing"]),
            maps=MapSpec(**cell["maps"]),
        )
        columns = len(cell["order"]["categories"]) * (1 + len(settings.drift))
        if experience_sizes(settings.schedule, columns) != tuple(map(len, run["experiences"])):
            raise RecordError(f"its experiences differ from the schedule {settings.schedule}")
        if cell["protocol"] != settings.generated_id:
            check_id(cell["protocol"], settings)
    except (UsageError, TypeError) as error:
        raise RecordError(f"its protocol is inconsistent: {error}") from error
