"""Follows how the jobs run: remembers what the lists showed, and asks about the jobs in doubt within a budget.

What a state is, is decided in `provider.job.health`. A list costs no request of its own: the probe's serves. What was
due while Dkron was down is noted as that, so that nobody is alarmed for each job. Read by threads, written by one.
"""

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from provider.dkron.client import DkronClient, Job
from provider.errors import DkronError
from provider.job.executions import busy_since, count, executions, moment
from provider.job.health import Health, Known, State, in_doubt, reckon_all, silence
from provider.job.hold import hold_of
from provider.job.spec import MANAGED_FIELDS
from provider.schedule.calendar import Entry, next_run
from watcher.metrics import JobSample

BUDGET: Final = 10  # requests a minute
MINUTE: Final = timedelta(minutes=1)
BUSY_AGAIN, BUSY_KEPT = timedelta(seconds=30), timedelta(seconds=90)
NO_LEADER_KEPT: Final = timedelta(seconds=10)
ASKED_AGAIN: Final = timedelta(minutes=10)
MARKS_KEPT: Final = timedelta(hours=24)
MOST_MARKS: Final = 100  # of a job; with many jobs fewer, so that all together stay few
MARKS_IN_ALL: Final = 20_000
LEAST_MARKS: Final = 24
MOST_OUTAGES: Final = 20

Outage = tuple[datetime, datetime]
Mark = tuple[datetime, bool]  # when a run ended, and whether well


class Runs:
    """What is known of the jobs' runs. `found`: the health of each job as of `at`; `marks`: runs that were seen."""

    def __init__(self) -> None:
        self.jobs: Collection[Job] = ()
        self.found: Mapping[str, Health] = {}
        self._budget = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Knows as much as at the start: for a clock that was set back, by which all that was noted lies ahead."""
        self.known = Known()
        self.at: datetime | None = None
        self.marks: dict[str, deque[Mark]] = {}
        self._definitions: dict[str, tuple[list[Any], int]] = {}
        self._down_since: datetime | None = None
        self._led_at: datetime | None = None
        self._no_leader_at: datetime | None = None
        self._asked: deque[datetime] = deque()
        self._asked_for: dict[str, tuple[datetime, int]] = {}
        self._busy_at: datetime | None = None
        self._coming: dict[str, tuple[Entry, datetime | str]] = {}

    # -- what the lists show

    def note(self, jobs: Collection[Job], at: datetime) -> None:
        """Takes a list of our jobs in, as Dkron gave it at that time."""
        outages = self.known.outages
        if self.at is None:
            silent = silence(jobs, at)
            outages = (silent,) if silent else ()
        elif self._down_since is not None:
            outages = _with(outages, (self._down_since, at))
        since = self._since(jobs, at)
        kept = {n: e for n, e in self.known.executions.items() if since.get(n) == self.known.since.get(n)}
        for job in jobs:
            self._mark(job, at, max(LEAST_MARKS, min(MOST_MARKS, MARKS_IN_ALL // len(jobs))))
        self._down_since = None
        self.known = Known(since, outages, kept, self.known.busy if self._busy_since(at) < BUSY_KEPT else None)
        self.jobs, self.at = jobs, at
        self.found = reckon_all(jobs, at, self.known)

    def lost(self) -> None:
        """Dkron could not be read: for all that is known nothing runs until the next good look."""
        self._down_since = self._down_since or self.at

    def led(self, at: datetime) -> None:
        """Dkron had a leader at that time; without one no job is started."""
        self._led_at = at

    def _since(self, jobs: Iterable[Job], at: datetime) -> dict[str, datetime]:
        """From when each job is known as it is. One that goes back to fewer runs was created anew."""
        first, since = self.at is None, dict(self.known.since)
        for job in jobs:
            name = str(job.get("name"))
            definition = [job.get(key) for key in MANAGED_FIELDS]
            runs = count(job.get("success_count")) + count(job.get("error_count"))
            before = self._definitions.get(name)
            known = before is not None and before[0] == definition and runs >= before[1]
            # At first sight a job that ran is as old as its runs.
            if not known and not (first and runs):
                since[name] = at
            self._definitions[name] = (definition, runs)
        return since

    def _mark(self, job: Job, at: datetime, most: int) -> None:
        name = str(job.get("name"))
        marks = self.marks.setdefault(name, deque(maxlen=most))
        for key, well in (("last_success", True), ("last_error", False)):
            ended = moment(job.get(key))
            if ended is not None and ended > at - MARKS_KEPT and (ended, well) not in marks:
                marks.append((ended, well))

    # -- what is asked

    def ask(self, client: DkronClient, now: datetime) -> None:
        """Asks about the jobs in doubt, as far as the budget goes. Never raises for a fault of Dkron."""
        names = in_doubt(self.found)
        if not names:
            return
        try:
            if all(self.found[name].state is State.FAILED for name in names) or self._ask_servers(client, now):
                for name in names:
                    if self._is_news(name, now) and self.may_ask(now):
                        self.learn(name, client.executions(name), now)
        except DkronError:
            return
        finally:
            self.found = reckon_all(self.jobs, self.at or now, self.known)

    def _ask_servers(self, client: DkronClient, now: datetime) -> bool:
        """Which runs are the servers at? False where none of them leads, since only a leader starts jobs."""
        if self._busy_since(now) < BUSY_AGAIN:
            return True
        asked = self._no_leader_at is not None and now - self._no_leader_at < NO_LEADER_KEPT
        if not asked and not self.may_ask(now, 2):
            return True
        if asked or client.leader() is None:
            self._no_leader_at = self._no_leader_at if asked else now
            self._down_since = self._led_at or self.at or now
            self.known = replace(self.known, outages=_with(self.known.outages, (self._down_since, now)))
            return False
        self.led(now)
        self._busy_at = now
        self.known = replace(self.known, busy=busy_since(client.busy()))
        return True

    def _is_news(self, name: str, now: datetime) -> bool:
        """Whether a job's executions may say more than when they were asked for last."""
        asked, runs = self._asked_for.get(name, (None, 0))
        return asked is None or now - asked >= ASKED_AGAIN or self._runs_of(name) != runs

    def _runs_of(self, name: str) -> int:
        return self._definitions[name][1] if name in self._definitions else 0

    def learn(self, name: str, found: Iterable[Mapping[str, Any]], now: datetime) -> None:
        """Takes in what Dkron keeps of a job's runs."""
        kept = executions(found)
        self._asked_for[name] = (now, self._runs_of(name))
        without_output = tuple(replace(execution, output="") for execution in kept)
        self.known = replace(self.known, executions={**self.known.executions, name: without_output})

    def may_ask(self, now: datetime, requests: int = 1) -> bool:
        """Takes requests out of the budget, if it is not used up."""
        with self._budget:
            while self._asked and now - self._asked[0] >= MINUTE:
                self._asked.popleft()
            if len(self._asked) + requests > BUDGET:
                return False
            self._asked.extend([now] * requests)
            return True

    def _busy_since(self, now: datetime) -> timedelta:
        return now - self._busy_at if self._busy_at is not None else timedelta.max

    # -- for the metrics

    def samples(self) -> list[JobSample]:
        """One for each job, as of the last look."""
        return [self._sample(job) for job in self.jobs]

    def _sample(self, job: Job) -> JobSample:
        entry, at = Entry.of(job), self.at or datetime.now(UTC)
        before = self._coming.get(entry.name)
        if before is None or before[0] != entry or (isinstance(before[1], datetime) and before[1] <= at):
            self._coming[entry.name] = before = (entry, next_run(entry, at))
        ended = [e.seconds for e in self.known.executions.get(entry.name, ()) if e.seconds is not None]
        health = self.found.get(entry.name)
        return JobSample(
            entry.name,
            health.state.value if health else "",
            moment(job.get("last_success")),
            moment(job.get("last_error")),
            before[1] if isinstance(before[1], datetime) else None,
            count(job.get("success_count")),
            count(job.get("error_count")),
            ended[0] if ended else None,
            hold_of(job, at),
        )


def _with(outages: tuple[Outage, ...], new: Outage) -> tuple[Outage, ...]:
    """The outages with one more, which may go on with the last."""
    if outages and new[0] <= outages[-1][1]:
        last = outages[-1]
        return (*outages[:-1], (min(last[0], new[0]), max(last[1], new[1])))
    return (*outages, new)[-MOST_OUTAGES:]
