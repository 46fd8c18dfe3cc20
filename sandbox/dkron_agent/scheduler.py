"""When jobs fire: one thread that waits for the next run of any of them.

Stands in for Dkron's cron: disabled jobs and children have no entry (so a manual run of a disabled job is a 404), an
upsert starts the interval anew (recorded: sched-repost). It decides when, never whether: see runner.py.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .job import Job, rule
from .store import server_zone


@dataclass(slots=True)
class Entry:
    """`next` is None for a job that will not run again by itself."""

    job: Job
    next: datetime | None


class Scheduler:
    """Knows for each job when it runs next."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._changed = threading.Condition()

    def add(self, job: Job) -> None:
        """Take the job in, or anew; a disabled job or a child is only taken out."""
        with self._changed:
            self._entries.pop(job["name"], None)
            if not job["disabled"] and not job["parent_job"]:
                self._entries[job["name"]] = Entry(job, _next_run(job, self._clock()))
                self._changed.notify()

    def remove(self, name: str) -> None:
        with self._changed:
            self._entries.pop(name, None)

    def entry(self, name: str) -> Entry | None:
        return self._entries.get(name)

    def due(self) -> list[Job]:
        """The jobs whose time has come; each of them moves on to its next run."""
        with self._changed:
            now = self._clock()
            found = [entry for entry in self._entries.values() if entry.next is not None and entry.next <= now]
            for entry in found:
                entry.next = _next_run(entry.job, now)
            return [entry.job for entry in found]

    def run(self, fire: Callable[[Job], None]) -> None:
        """For ever calls `fire` with each job whose time has come, in a thread of its own."""
        while True:
            for job in self.due():
                threading.Thread(target=fire, args=(job,), daemon=True, name=f"job {job['name']}").start()
            with self._changed:
                ahead = [entry.next for entry in self._entries.values() if entry.next is not None]
                self._changed.wait((min(ahead) - self._clock()).total_seconds() if ahead else None)


def _next_run(job: Job, now: datetime) -> datetime | None:
    return rule(job).next_run(now, job["timezone"] or server_zone())
