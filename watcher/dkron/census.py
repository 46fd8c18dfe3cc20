"""What a cycle sees in Dkron: its leader, our jobs before and after, and doubt where a list lost many at once.

It tells log, metrics and the board what it saw, when it is something else than before. It changes nothing in Dkron and
judges no change set.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from provider.dkron.cluster import lost_many
from provider.dkron.version import untested
from provider.errors import DkronError
from provider.job.hold import Hold
from provider.job.tags import asks_for_nodes, cluster_advice
from watcher.dkron.connection import Connection
from watcher.dkron.leader import wait_for_leader
from watcher.dkron.look import Look, drifted, merged
from watcher.dkron.probe import Unsettled
from watcher.endings import Ended, Stopped
from watcher.logs import MOST_NAMES
from watcher.pulumi.changes import ChangeSet
from watcher.recovery.recovery import Tools
from watcher.status import Board, Outcome

LONGEST_COUNT_S: Final = 1.0
COUNT_AGAIN_S: Final = 3600.0


class Census:
    """Looks for one watcher. `noted`: fingerprints as the last cycle left them, None before the first; `held`: the jobs
    that were held then."""

    def __init__(self, tools: Tools, board: Board) -> None:
        self.control, self.metrics, self.log, self.board = tools.control, tools.metrics, tools.log, board
        self.patience_s = tools.settings.leader_wait_s
        self.noted: dict[str, str] | None = None
        self.held: frozenset[str] = frozenset()
        self._told_version = ""
        self._told_holds: Mapping[str, Hold] = {}
        self._count_again_at = -math.inf

    def await_leader(self, connection: Connection) -> bool:
        """Returns whether it had to wait. Raises Ended where there is none, Stopped, hard DkronErrors."""
        found = wait_for_leader(connection.client, self.control, self.patience_s)
        self.metrics.leader.set(found.name is not None)
        self.board.update(leader=found.name)
        if self.control.stopping:
            raise Stopped
        if found.name is None:
            raise Ended(Outcome.PAUSED if found.paused else Outcome.NO_LEADER, found.why)
        self._tell_version(connection.client.version)
        return found.waited

    def _tell_version(self, version: str) -> None:
        """The leader said it with its name, or said none."""
        if version in ("", self._told_version):
            return
        self._told_version = version
        if why := untested(version):
            self.log.warning("dkron.version", version=version, why=why)
        else:
            self.log.info("dkron.version", version=version)

    def tell_holds(self, held: Mapping[str, Hold]) -> None:
        """`held`: every job of ours that is held now."""
        before, self._told_holds = self._told_holds, held
        self.metrics.held.set(len(held))
        begun = [f"{name} is {hold.words}" for name, hold in sorted(held.items()) if before.get(name) != hold]
        ended = sorted(before.keys() - held.keys())
        if begun:
            self.log.info("jobs.held", jobs=begun[:MOST_NAMES], count=len(begun))
        if ended:
            self.log.info("holds.ended", jobs=ended[:MOST_NAMES], count=len(ended))

    def count(self, connection: Connection) -> Look:
        """One look at our jobs; the others are only counted. Raises DkronError."""
        look = connection.probe.look()
        self.metrics.count_jobs({"managed": len(look.names), **self._foreign(connection, len(look.names))})
        self.board.update(managed=tuple(sorted(look.names)))
        return look

    def _foreign(self, connection: Connection, ours: int) -> dict[str, int]:
        """How many jobs are others', {} where that is not known; a server that takes long is left alone for a while."""
        clock = self.control.clock
        began = clock.monotonic()
        if began < self._count_again_at:
            return {}
        try:
            jobs = connection.client.count_jobs()
        except DkronError:
            jobs = None
        if clock.monotonic() - began > LONGEST_COUNT_S:
            self._count_again_at = clock.monotonic() + COUNT_AGAIN_S
        return {} if jobs is None else {"foreign": max(0, jobs - ours)}

    def before(self, connection: Connection, waited: bool) -> Look:
        """The look that a cycle starts from. Raises DkronError, Unsettled."""
        look = self.count(connection)
        if waited or lost_many(self.noted or (), look.names):
            look = connection.probe.settled_look(look)
        return look

    def confirm_missing(self, connection: Connection, plan: ChangeSet, look: Look) -> Look:
        """Many jobs gone at once are believed only if two looks, two seconds apart, agree with the preview.

        Raises DkronError, Unsettled.
        """
        if not lost_many(plan.gone, ()):
            return look
        look = connection.probe.settled_look(look)
        still_there = plan.gone & look.names
        if still_there:
            raise Unsettled(f"{len(still_there)} jobs were missing from Dkron for a moment only; looking again")
        return look

    def advise(self, connection: Connection, accepted: Mapping[str, Collection[str]]) -> None:
        """Tells what the nodes that are there make of our jobs as they were seen last; nothing new if nobody knows.

        `accepted`: job -> codes. One request, only where a job is tagged or an http job is not.
        """
        jobs = connection.probe.latest[0] if connection.probe.latest else []
        lines: tuple[str, ...] = ()
        if any(map(asks_for_nodes, jobs)):
            try:
                nodes = connection.client.nodes()
            except DkronError:
                return
            if not nodes:
                return
            lines = tuple(found.line for found in cluster_advice(jobs, nodes, accepted))
        if lines != self.board.now.advice:
            self.board.update(advice=lines)
            self.log.warning("nodes.advice", advice=list(lines))

    def drifted(self, look: Look) -> frozenset[str]:
        """The jobs that are not as the last cycle left them; none before the first, and none that is held."""
        return frozenset() if self.noted is None else drifted(self.noted, look.prints, self.held, look.held)

    def note(self, connection: Connection, look: Look, touched: Iterable[str]) -> Look | None:
        """Notes how the jobs are now; a fault here only costs the probe its baseline.

        Returns the look after the writes, None where there were none or it could not be had.
        """
        names, self.held = frozenset(touched), frozenset(look.held)
        if not names:
            self.noted = dict(look.prints)
            return None
        try:
            after = self.count(connection)
        except DkronError:
            self.noted = None
            return None
        self.noted = merged(look.prints, after.prints, names)
        return after
