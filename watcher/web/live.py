"""What the page shows of Dkron: one list request, kept for a few seconds and shared by all who look. It only reads.

Whoever asks while a request is under way gets what was seen before, so that a slow Dkron holds up one reader at most.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from provider.dkron.client import DkronClient, Job
from provider.errors import DkronError
from provider.job.executions import Execution, executions
from provider.job.ownership import is_ours
from watcher.clock import Clock
from watcher.dkron.connection import Connection
from watcher.dkron.runs import Mark, Runs
from watcher.status import Board
from watcher.web.view import Live

KEPT_S = 5.0
MOST_ASKED = 20  # jobs of other owners that are asked for by name


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the watcher keeps its connection and what it noted, both None before the first cycle got so far; and what
    it knows of the runs. `show_output`: what runs printed may be seen."""

    connection: Callable[[], Connection | None]
    noted: Callable[[], dict[str, str] | None]
    runs: Runs = field(default_factory=Runs)
    show_output: bool = False


class LiveJobs:
    """The jobs of now, or of a few seconds ago. Safe for threads."""

    def __init__(self, sources: Sources, board: Board, clock: Clock) -> None:
        self.sources, self.board, self.clock = sources, board, clock
        self._asking = threading.Lock()
        self._seen = Live(problem="Dkron was not asked yet")
        self._asked_at: float | None = None
        self._cycle: object = None
        self._executions: dict[str, tuple[float, Sequence[Execution]]] = {}

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
            tag, mark = connection.owner_tag, connection.mark
            jobs = [job for job in connection.client.list_jobs(tag) if is_ours(job, tag, mark)]
            others = self._others({str(job.get("name")) for job in jobs}, connection.client)
        except DkronError as error:
            return replace(self._seen, problem=str(error))
        noted = self.sources.noted()
        known = self.sources.runs.known
        return Live(tuple(jobs), others, None if noted is None else dict(noted), self.clock.now(), known=known)

    def _others(self, ours: set[str], client: DkronClient) -> dict[str, Job | None]:
        """The jobs that failed in the last cycle and aren't among ours: foreign, or not there."""
        last = self.board.now.last
        names = dict.fromkeys(f.job for f in last.failures if f.job and f.job not in ours) if last else {}
        return {name: client.get_job(name) if number < MOST_ASKED else None for number, name in enumerate(names)}

    @property
    def marks(self) -> Mapping[str, Iterable[Mark]]:
        """The ends of the runs that were watched."""
        return {name: tuple(marks) for name, marks in tuple(self.sources.runs.marks.items())}

    def executions(self, name: str) -> tuple[Sequence[Execution], str]:
        """What Dkron keeps of a job's runs, the newest first, as of a few seconds ago; and why it may be old."""
        now, asked_at = self.clock.now(), self.clock.monotonic()
        at, kept = self._executions.get(name, (-KEPT_S, ()))
        if asked_at - at < KEPT_S:
            return kept, ""
        connection = self.sources.connection()
        if connection is None:
            return kept, "Dkron was not asked yet"
        if not self.sources.runs.may_ask(datetime.fromtimestamp(now, UTC)):
            return kept, "Dkron was asked often enough in this minute; look again in a moment"
        try:
            found = connection.client.executions(name, self.sources.show_output)
        except DkronError as error:
            return kept, str(error)
        if len(self._executions) >= MOST_ASKED:
            self._executions.clear()
        self._executions[name] = (asked_at, executions(found))
        return self._executions[name][1], ""
