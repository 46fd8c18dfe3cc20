"""The live jobs as one process sees them: one list of our jobs for all reads, and "gone" believed only on good grounds.

Dkron filters the list by our owner tag: the jobs of others may be many. A job that is not in it is asked for by name,
because somebody may have taken its tag off. The whole list is asked for only where many jobs are new and it is short.

An outage must never look like "nothing there". So the list is taken only while a leader answers, and where many jobs
are missing, a second one is taken after a pause: a server that has just started answers 200 with no or few jobs for
seconds (recorded: cluster.json, restart.json). Where none of our jobs is listed at all, the servers are asked one by
one (see `cluster`).

A write looks anew. A job that the state didn't hold is asked for by name: a stranger may have made it a moment ago. Of
those that it holds the first few are asked for by name, and for more a list serves that is a moment old at most, since
two requests for each job's look took longer than writing it.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from ..errors import NotConfirmed, TwoClusters
from ..job.ownership import is_ours
from . import cluster
from .cluster import FEW, SECOND_LOOK_AFTER_S
from .version import untested

if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import DkronClient, Job

# Seconds that a list may be believed before a write: twenty times what it took to get it, within these limits, since
# nothing is written meanwhile and looking should stay a small part of the work. A stranger's newer job is not seen.
# Where twenty times are longer, jobs are asked for by name until the next list.
FRESH_TIMES, FRESH_AT_LEAST_S, FRESH_AT_MOST_S = 20, 0.25, 1.0
MOST_LISTED = 5000  # jobs of everybody, that one list is still less work than asking for each new name


class Snapshot:
    """Our jobs in the cluster, listed once, at the first question. Safe to share by threads."""

    def __init__(
        self,
        client: DkronClient,
        owner_tag: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """`tell` is told once if the servers are of a version that was not tested."""
        self._client = client
        self._owner_tag = owner_tag
        self._sleep = sleep
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._is_one_cluster = False
        self._is_checked = False
        self._jobs: dict[str, Job] | None = None
        self._missing = 0
        self._looked_twice = False
        self._new = 0
        self._everybody: dict[str, Job] | None = None
        self._looks = 0
        self._fresh: dict[str, Job] = {}
        self._fresh_until = self._list_again_at = -math.inf

    def job(self, name: str) -> Job | None:
        """The live job, None if it is really gone. Raises DkronError when Dkron can't be read."""
        with self._lock:
            found = self._listed(name)
            if found is None:
                self._missing += 1
                if self._missing > FEW and not self._looked_twice:
                    self._sleep(SECOND_LOOK_AFTER_S)
                    self._jobs = {**(self._jobs or {}), **self._list()}
                    self._looked_twice = True
                    found = self._jobs.get(name)
        found = found or self._client.get_job(name)
        if found is None:
            with self._lock:
                if self._confirm_loss():
                    return self._listed(name)
        return found

    def before_adoption(self, name: str) -> Job | None:
        """The job that one of no state will meet, undoubted: only for words. Raises DkronError."""
        with self._lock:
            found = self._listed(name)
            if found is None:
                self._new += 1
                if self._new == FEW + 1:
                    self._everybody = self._all_if_few()
                if self._everybody is not None:
                    return self._everybody.get(name)
        return found or self._client.get_job_in_a_row(name)

    def _all_if_few(self) -> dict[str, Job] | None:
        """Everybody's jobs, None if there are so many that asking for each name is less work."""
        count = self._client.count_jobs()
        if count is None or count > MOST_LISTED:
            return None
        return {str(job.get("name")): job for job in self._client.list_jobs()}

    def before_create(self, name: str) -> Job | None:
        """The live job as it is now, on whichever server. Raises DkronError when Dkron can't be read."""
        with self._lock:
            self._check_cluster()
        return self._client.get_job_in_a_row(name) or self._client.get_job_anywhere(name)

    def before_change(self, name: str) -> Job | None:
        """The live job of an update or a deletion as it is now, or was a moment ago.

        Raises DkronError when Dkron can't be read.
        """
        with self._lock:
            self._check_cluster()
            self._looks += 1
            found = self._recent().get(name) if self._looks > FEW else None
        return found or self._client.get_job(name)

    def _recent(self) -> dict[str, Job]:
        """Our jobs as they were a moment ago, none where that is not known."""
        asked = self._clock()
        if asked >= self._list_again_at:
            self._fresh = self._list()
            pause = max(FRESH_AT_LEAST_S, FRESH_TIMES * (self._clock() - asked))
            self._fresh_until, self._list_again_at = asked + min(pause, FRESH_AT_MOST_S), asked + pause
        return self._fresh if self._clock() < self._fresh_until else {}

    def _listed(self, name: str) -> Job | None:
        """The job as the list of the reads has it."""
        if self._jobs is None:
            self._jobs = self._list()
        return self._jobs.get(name)

    def _check_cluster(self) -> None:
        """Asks all servers once whom they follow. Raises TwoClusters if they still disagree after a pause."""
        client = self._client
        if self._is_one_cluster or len(client.settings.urls) == 1:
            return
        why = cluster.apart(client.leaders(), client.members())
        if why:  # an election, perhaps
            self._sleep(SECOND_LOOK_AFTER_S)
            why = cluster.apart(client.leaders(), client.members())
        if why:
            raise TwoClusters(f"dkronUrl names servers of different clusters ({why}), so nothing was changed")
        self._is_one_cluster = True

    def _confirm_loss(self) -> bool:
        """Where a job is missing and the list holds none of ours. Raises NotConfirmed if that is not believed.

        Returns whether the jobs were listed anew, because a server that had just started lists some by now.
        """
        if self._is_checked or any(is_ours(job, self._owner_tag) for job in (self._jobs or {}).values()):
            return False
        words = self._client.words(self._owner_tag)
        if not words or (len(words) > 1 and not cluster.is_all_gone(words)):
            self._sleep(SECOND_LOOK_AFTER_S)
            words = self._client.words(self._owner_tag)
        if len(words) == 1 and words[0].lists_ours:
            self._jobs = self._list()
            return True
        if not cluster.is_all_gone(words):
            raise NotConfirmed(cluster.doubt(words, self._client.leader() or ""))
        self._is_checked = True
        return False

    def _list(self) -> dict[str, Job]:
        """Our jobs, while there is a leader. Raises NoLeader, DkronError."""
        self._check_cluster()
        self._client.require_leader()
        if self._tell is not None and (line := untested(self._client.version)):
            self._tell(line)
        self._tell = None
        return {str(job.get("name")): job for job in self._client.list_jobs(self._owner_tag)}
