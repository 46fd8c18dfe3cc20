"""Has Dkron drifted? One list request gives a fingerprint of every managed job's managed fields.

Compares only: what a difference means is for the cycle's preview to say. A list is doubted where it lost many jobs at
once, because a node that has just started answers 200 with no or few jobs for seconds.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from provider.dkron.client import DkronClient, Job
from provider.dkron.cluster import SECOND_LOOK_AFTER_S
from provider.job.hold import Hold
from provider.job.ownership import Owner, is_retained, owner_of
from watcher.clock import Control
from watcher.dkron.look import Fingerprints, Look, holds

DOUBT_LOOKS: Final = 15


class Unsettled(Exception):
    """Two looks in a row never agreed: Dkron is still starting. Soft."""


class Probe:
    """Looks at the jobs of one stack: one owner tag, one stack mark."""

    def __init__(self, client: DkronClient, owner_tag: str, mark: str, control: Control) -> None:
        self.client, self.owner_tag, self.mark, self.control = client, owner_tag, mark, control
        self.latest: tuple[list[Job], float] | None = None  # our jobs as they were seen last, and when
        self.held: Mapping[str, Hold] = {}  # of those, the ones that are left as they are for a time
        self._prints = Fingerprints()

    def look(self) -> Look:
        """One request, for our tag's jobs. Raises DkronError."""
        return self.look_at(self.client.list_jobs(self.owner_tag))

    def look_at(self, jobs: Iterable[Mapping[str, Any]]) -> Look:
        """What a list of jobs shows."""
        ours: list[Job] = []
        by_owner: dict[Owner, set[str]] = {owner: set() for owner in Owner}
        at = self.control.clock.now()
        for job in jobs:
            owner, name = owner_of(job, self.owner_tag, self.mark), str(job.get("name"))
            if not is_retained(job):
                by_owner[owner].add(name)
            if owner in (Owner.FOREIGN, Owner.OTHER_STACK):
                continue
            ours.append(dict(job))
        self.latest = (ours, at)
        self.held = holds(ours, at)
        marked, unmarked = frozenset(by_owner[Owner.OURS]), frozenset(by_owner[Owner.UNMARKED])
        return Look(self._prints.of(ours), marked, unmarked, self.held)

    def settled_look(self, first: Look | None = None) -> Look:
        """Looks until two in a row show the same jobs. Raises DkronError, Unsettled (also when asked to stop)."""
        before = first or self.look()
        for _ in range(DOUBT_LOOKS):
            if not self.control.sleep(SECOND_LOOK_AFTER_S):
                break
            now = self.look()
            if now.names == before.names:
                return now
            before = now
        raise Unsettled("Dkron's list of jobs does not settle; is it still starting?")
