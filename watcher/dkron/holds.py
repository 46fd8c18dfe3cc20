"""Tells log and metrics which jobs are held, and when that changes. Decides nothing: `provider.job.hold` does."""

from collections.abc import Mapping

from provider.job.hold import Hold
from watcher.logs import MOST_NAMES, EventLog
from watcher.metrics import Metrics


class Holds:
    """Remembers what was told last."""

    def __init__(self, log: EventLog, metrics: Metrics) -> None:
        self.log, self.metrics = log, metrics
        self._told: Mapping[str, Hold] = {}

    def tell(self, held: Mapping[str, Hold]) -> None:
        """`held`: every job of ours that is held now."""
        before, self._told = self._told, held
        self.metrics.held.set(len(held))
        begun = [f"{name} is {hold.words}" for name, hold in sorted(held.items()) if before.get(name) != hold]
        ended = sorted(before.keys() - held.keys())
        if begun:
            self.log.info("jobs.held", jobs=begun[:MOST_NAMES], count=len(begun))
        if ended:
            self.log.info("holds.ended", jobs=ended[:MOST_NAMES], count=len(ended))
