"""How a cycle ends before its last stage: exceptions that end a cycle early, and what a run's failures amount to.

An outcome follows from the codes that our provider gave its errors, never from the words of a message: those may come
from a stranger.
"""

from collections.abc import Collection, Mapping

from watcher.pulumi.changes import Failure
from watcher.status import Outcome

# Worst first: failures of several kinds amount to the first of these that is among them.
_BY_CODE: Mapping[str, Outcome] = {
    "not-judged": Outcome.RETRY,
    "no-leader": Outcome.NO_LEADER,
    "paused": Outcome.PAUSED,
}


class Ended(Exception):
    """The cycle can go no further. `detail`: one line for a person."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        self.outcome, self.detail = outcome, detail
        super().__init__(detail)


class Stopped(Exception):
    """A stop was asked for before the stage could begin, or cut a preview short."""


class NoStack(Ended):
    """The stack doesn't exist."""


def outcome_of(failures: Collection[Failure]) -> Outcome:
    """What a run with these failures amounts to: failed, unless each of them will pass in the same way."""
    codes = {failure.code for failure in failures}
    if not codes or not codes <= _BY_CODE.keys():
        return Outcome.FAILED
    return next(outcome for code, outcome in _BY_CODE.items() if code in codes)
