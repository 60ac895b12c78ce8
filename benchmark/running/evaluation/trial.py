"""A method on its stream, with what the run lends to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...features.feature_set import FeatureSet
from ...interface.method import Method
from ...pixels.meter import PixelMeter
from ...streams.stream import Stream
from ...system.plugin_errors import PluginMistake, attribute_errors_to
from ..cell import Cell
from .batches import SaltedIds
from .event_log import EventLog
from .lending import Loan
from .progress import Progress
from .result_checks import MapGrid

if TYPE_CHECKING:
    from ...services.coresets.service import Coresets
    from ...services.neighbors.service import Neighbors


@dataclass
class Services:
    """The caches that cells share."""

    coresets: Coresets
    neighbors: Neighbors


@dataclass(eq=False)
class Trial:
    """A method on its stream, with what the run lends to it.

    Attributes:
        meter: measures maps; None measures nothing.
        loan: what the run lends to the method.
        method_ids: makes the image ids that the method gets.
        log: events that the method recorded since the last step.
        map_grid: (h, w) of the maps; None before the method's first map.
    """

    cell: Cell
    stream: Stream
    features: FeatureSet
    meter: PixelMeter | None
    loan: Loan
    method_ids: SaltedIds
    log: EventLog
    method: Method
    map_grid: MapGrid | None

    def attributed(self, call: str) -> AbstractContextManager[None]:
        """Attribute errors in a block to the method's function `call`."""
        return attribute_errors_to(self.cell.method, type(self.method), call)


@contextmanager
def open_trial(
    cell: Cell,
    stream: Stream,
    features: FeatureSet,
    services: Services,
    meter: PixelMeter | None,
    progress: Progress,
) -> Iterator[Trial]:
    """Create the method of a cell; at the end, drop what was computed with changed blocks."""
    method_ids = SaltedIds(progress.salt)
    progress.salt = method_ids.salt
    log = EventLog()
    log.learn_types(progress.events)
    method, loan = build_method(cell, features, services, log)
    try:
        yield Trial(cell, stream, features, meter, loan, method_ids, log, method, progress.map_grid)
    finally:
        with suppress(PluginMistake):  # the error that is being raised matters more
            loan.blocks.verify_all()


def build_method(
    cell: Cell, features: FeatureSet, services: Services, log: EventLog | None = None
) -> tuple[Method, Loan]:
    """Create the method of a cell, before it has observed anything, and what it borrows."""
    record = (log or EventLog()).record
    loan = Loan(services.coresets, services.neighbors, features.backbone, record)
    context = loan.context(features, cell.seed, cell.routing)
    with attribute_errors_to(cell.method, cell.method_class, "__init__"):
        return cell.method_class(cell.params, context), loan
