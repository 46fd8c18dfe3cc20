"""When a list of jobs is doubted: one rule for the provider, the watcher and the commands. Pure.

A server that has just started answers 200 with no or few jobs for seconds (recorded: cluster.json, restart.json). So
a list that lost more than a few jobs at once is believed only if a second look, after a pause, agrees.
"""

from collections.abc import Iterable
from typing import Final

FEW: Final = 2  # this many missing jobs are still believed, or asked for one by one
SECOND_LOOK_AFTER_S: Final = 2.0


def lost_many(expected: Iterable[str], seen: Iterable[str]) -> bool:
    """Whether so many of the expected jobs are missing that the list must be taken a second time."""
    return len(set(expected) - set(seen)) > FEW
