"""When jobs fire: one thread, one heap of next runs.

Stands in for Dkron's cron: disabled jobs and children have no entry (so a manual run of a disabled job is a 404), an
upsert starts the interval anew (recorded: sched-repost). It decides when, never whether: see runner.py.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from provider import schedule

from .job import Job, rule
from .store import server_zone


@dataclass(slots=True)
class Entry:
    job: Job
    schedule: schedule.Schedule
    zone: str | tzinfo
    next: datetime | None

    def advance(self, now: datetime) -> None:
        self.next = self.schedule.next_run(now, self.zone)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Scheduler:
    """`fire` is called with the job, in a thread of its own, whenever its time has come."""

    def __init__(self, fire: Callable[[Job], None], clock: Callable[[], datetime] = utc_now) -> None:
        self._fire = fire
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._heap: list[tuple[datetime, int, str, Entry]] = []
        self._count = 0
        self._changed = threading.Condition()
        self._stopped = False

    def add(self, job: Job) -> None:
        """Take the job in, or anew; a disabled job or a child is only taken out."""
        with self._changed:
            self._entries.pop(job["name"], None)
            if job["disabled"] or job["parent_job"]:
                return
            entry = Entry(job, rule(job), job["timezone"] or server_zone(), None)
            entry.advance(self._clock())
            self._entries[job["name"]] = entry
            self._push(entry)

    def remove(self, name: str) -> None:
        with self._changed:
            self._entries.pop(name, None)

    def entry(self, name: str) -> Entry | None:
        return self._entries.get(name)

    def _push(self, entry: Entry) -> None:
        if entry.next is None:
            return
        self._count += 1
        heapq.heappush(self._heap, (entry.next, self._count, entry.job["name"], entry))
        if self._heap[0][3] is entry:
            self._changed.notify()

    def due(self) -> list[Job]:
        """The jobs whose time has come; each of them moves on to its next run."""
        with self._changed:
            now, found = self._clock(), []
            while self._heap and self._heap[0][0] <= now:
                _when, _count, name, entry = heapq.heappop(self._heap)
                if self._entries.get(name) is entry:
                    found.append(entry.job)
                    entry.advance(now)
                    self._push(entry)
            return found

    def run(self) -> None:
        """Fire until stop() is called."""
        while not self._stopped:
            for job in self.due():
                threading.Thread(target=self._fire, args=(job,), daemon=True, name=f"job {job['name']}").start()
            with self._changed:
                wait = (self._heap[0][0] - self._clock()).total_seconds() if self._heap else None
                if not self._stopped and (wait is None or wait > 0):
                    self._changed.wait(wait)

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
