"""What the page shows of Dkron: one list request, kept for a few seconds and shared by all who look. It only reads.

Whoever asks while a request is under way gets what was seen before, so that a slow Dkron holds up one reader at most.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from provider.dkron.client import DkronClient, Job
from provider.errors import DkronError
from watcher.clock import Clock
from watcher.status import Board
from watcher.web.view import Live

KEPT_S = 5.0
MOST_ASKED = 20  # jobs of other owners that are asked for by name


class Connection(Protocol):
    """What is needed of the watcher's connection."""

    @property
    def client(self) -> DkronClient: ...
    @property
    def owner_tag(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the watcher keeps its connection and what it noted, both None before the first cycle got so far."""

    connection: Callable[[], Connection | None]
    noted: Callable[[], dict[str, str] | None]


class LiveJobs:
    """The jobs of now, or of a few seconds ago. Safe for threads."""

    def __init__(self, sources: Sources, board: Board, clock: Clock) -> None:
        self.sources, self.board, self.clock = sources, board, clock
        self._asking = threading.Lock()
        self._seen = Live(problem="Dkron was not asked yet")
        self._asked_at: float | None = None
        self._cycle: object = None

    def look(self) -> Live:
        """Never raises for a fault of Dkron: the problem is part of what it gives."""
        fresh = self._asked_at is not None and self.clock.monotonic() - self._asked_at < KEPT_S
        # A cycle that has just ended changed things: what was seen before it is stale.
        if (fresh and self._cycle is self.board.now.last) or not self._asking.acquire(blocking=self._asked_at is None):
            return self._seen
        try:
            self._cycle = self.board.now.last
            self._seen = self._ask()
            self._asked_at = self.clock.monotonic()
        finally:
            self._asking.release()
        return self._seen

    def _ask(self) -> Live:
        connection = self.sources.connection()
        if connection is None:
            return replace(self._seen, problem="Dkron was not asked yet")
        try:
            jobs = connection.client.list_jobs(connection.owner_tag)
            others = self._others({str(job.get("name")) for job in jobs}, connection.client)
        except DkronError as error:
            return replace(self._seen, problem=str(error))
        noted = self.sources.noted()
        return Live(tuple(jobs), others, None if noted is None else dict(noted), self.clock.now())

    def _others(self, ours: set[str], client: DkronClient) -> dict[str, Job | None]:
        """The jobs that failed in the last cycle and aren't among ours: foreign, or not there."""
        last = self.board.now.last
        names = dict.fromkeys(f.job for f in last.failures if f.job and f.job not in ours) if last else {}
        return {name: client.get_job(name) if number < MOST_ASKED else None for number, name in enumerate(names)}
