"""How a cycle ends before its last stage: values that its stages raise. Carries data only."""

from collections.abc import Collection

from watcher.pulumi.output import Failure
from watcher.status import Outcome

PAUSED = "(503"
NO_LEADER = "has no leader"


class Ended(Exception):
    """The cycle can go no further. `detail`: one line for a person."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        self.outcome, self.detail = outcome, detail
        super().__init__(detail)


class Stopped(Exception):
    """A stop was asked for before the stage could begin, or cut a preview short."""


def outcome_of(failures: Collection[Failure]) -> Outcome:
    """What a run with these failures amounts to: paused or without a leader if nothing else went wrong."""
    reasons = [f.reason for f in failures]
    if reasons and all(PAUSED in r for r in reasons):
        return Outcome.PAUSED
    if reasons and all(NO_LEADER in r for r in reasons):
        return Outcome.NO_LEADER
    return Outcome.FAILED
