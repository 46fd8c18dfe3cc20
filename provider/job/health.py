"""Does a job run as it should? Reckoned from Dkron's JSON of the job, its schedule and the time. Pure.

A true definition is not yet a job that runs: Dkron may have lost it, or skip it for ever. Dkron's own `next` and
`status` are never believed: a run is due when the schedule says so, daylight saving included.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from ..schedule import calendar
from ..schedule.calendar import Entry
from ..schedule.moments import duration
from ..schedule.text import Refused
from .executions import Execution, count, moment

Job = Mapping[str, Any]
LEAST_TOLERANCE_S: Final = 60.0
HTTP_TIMEOUT_S: Final = 30.0  # Dkron's own, where a job names none or a malformed one
IN_A_ROW: Final = 3  # failed runs that make a job failing
SILENT_JOBS: Final = 2  # jobs that were due and didn't run, where no job ran: Dkron was down


class State(StrEnum):
    """The worst first."""

    STUCK = "stuck"
    OVERDUE = "overdue"
    FAILING = "failing"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"
    OK = "ok"
    OFF = "off"
    DONE = "done"

    @property
    def trouble(self) -> bool:
        return self in (State.STUCK, State.OVERDUE, State.FAILING, State.FAILED)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the jobs' JSON. `since`: from when a job's definition is known to be as it is; `outages`:
    when Dkron was down, in order; `executions`: newest first, of the jobs that were asked for; `busy`: when the oldest
    run began that a server is at, by job, None if that was not asked."""

    since: Mapping[str, datetime] = field(default_factory=dict)
    outages: tuple[tuple[datetime, datetime], ...] = ()
    executions: Mapping[str, tuple[Execution, ...]] = field(default_factory=dict)
    busy: Mapping[str, datetime] | None = None


NOTHING: Final = Known()


@dataclass(frozen=True, slots=True)
class Health:
    """How a job does. `since`: when the state began; `times`: failed runs, where they count; `never`: it never
    succeeded; `lost`: Dkron holds a run for unfinished that no server is at; `missed`: a run that was due while Dkron
    was down, and that no later one has made up for."""

    state: State
    since: datetime | None = None
    times: int = 0
    never: bool = False
    lost: bool = False
    missed: datetime | None = None

    @property
    def well(self) -> bool:
        return not self.state.trouble and self.missed is None


def time_limit(job: Job) -> float | None:
    """Seconds after which the executor ends one attempt; None where it never does."""
    config = job.get("executor_config")
    text = str(config.get("timeout") or "") if isinstance(config, Mapping) else ""
    if job.get("executor") == "http":
        sign, digits = text[:1], text.lstrip("+-")
        whole = digits.isascii() and digits.isdigit() and len(digits) <= 9
        seconds = float(digits) if whole else HTTP_TIMEOUT_S
        return None if sign == "-" or seconds == 0 else seconds
    if job.get("executor") != "shell" or not text:
        return None
    try:
        return max(0.0, duration(text) / 1e9)
    except Refused:
        return None


def tolerance(job: Job) -> timedelta:
    """How long after it was due a run may still be without a result."""
    retries = job.get("retries")
    attempts = 1 + int(retries if isinstance(retries, int | float) and 0 <= retries < 2**32 else 0)
    seconds = max(LEAST_TOLERANCE_S, (time_limit(job) or 0.0) * attempts)
    return timedelta(seconds=min(seconds, 366.0 * 86400))


def last_result(job: Job) -> datetime | None:
    """When the job last ended a run, well or not."""
    return max((m for key in ("last_success", "last_error") if (m := moment(job.get(key)))), default=None)


def reckon_all(jobs: Iterable[Job], now: datetime, known: Known = NOTHING) -> dict[str, Health]:
    """The health of each job by name; parents are looked for among the jobs."""
    by_name = {str(job.get("name")): job for job in jobs}
    return {n: reckon(job, now, known, by_name.get(str(job.get("parent_job") or ""))) for n, job in by_name.items()}


def reckon(job: Job, now: datetime, known: Known = NOTHING, parent: Job | None = None) -> Health:
    """The health of one job at an aware time. A job that never ran is overdue only if `known.since` vouches for it."""
    entry = Entry.of(job)
    expires = moment(job.get("expires_at"))
    if entry.disabled:
        return Health(State.OFF)
    if expires is not None and expires < now:
        return Health(State.DONE)
    last, since = last_result(job), known.since.get(entry.name)
    start = max((m for m in (last, since) if m), default=None)
    late = tolerance(job)
    due, missed = _after_parent(parent, start) if entry.parent else _due(entry, start or now, late, now, known.outages)
    began = (known.busy or {}).get(entry.name)
    if began is not None and time_limit(job) is not None and began + late <= now:
        return Health(State.STUCK, began)
    if began is None and isinstance(due, datetime) and due + late <= now:
        return _late(job, due, known)
    failure = _failure(job, known.executions.get(entry.name, ()))
    if failure is not None:
        return replace(failure, missed=missed)
    if began is not None:
        return Health(State.RUNNING, began)
    if due == "never":
        return Health(State.DONE, missed=missed)
    return Health(State.OK if last else State.WAITING, last, missed=missed)


def _due(
    entry: Entry, start: datetime, late: timedelta, now: datetime, outages: tuple[tuple[datetime, datetime], ...]
) -> tuple[datetime | str, datetime | None]:
    """The first run that was due after `start` while Dkron was up, or why there is none; the first one due while it
    was down."""
    due, missed = _next(entry, start), None
    for begin, end in outages:
        if isinstance(due, datetime) and begin - late <= due < min(end, now):
            missed = missed or due
            due = _next(entry, end)
    return due, missed


def _after_parent(parent: Job | None, start: datetime | None) -> tuple[datetime | str, None]:
    """A child is due when its parent's last run was a full success; when it has run since is enough."""
    ended = last_result(parent) if parent else None
    if parent is None or ended is None or start is None or parent.get("status") != "success":
        return "", None
    return (ended if ended > start and ended == moment(parent.get("last_success")) else ""), None


def _late(job: Job, due: datetime, known: Known) -> Health:
    """No result came in time and no server is at it: Dkron skips the job, or has lost it."""
    executions = known.executions.get(str(job.get("name")), ())
    unfinished = [execution.started for execution in executions if execution.finished is None]
    if unfinished and known.busy is not None and job.get("concurrency") == "forbid":
        return Health(State.STUCK, min(unfinished), lost=True)
    return Health(State.OVERDUE, due)


def _failure(job: Job, executions: tuple[Execution, ...]) -> Health | None:
    """failed or failing, None if the last run was well. A run counts once, whatever its attempts."""
    error, success = moment(job.get("last_error")), moment(job.get("last_success"))
    if error is None or (success is not None and success >= error):
        return None
    if success is None and count(job.get("success_count")) == 0:
        return Health(State.FAILING, error, max(1, count(job.get("error_count"))), never=True)
    since = [e for e in executions if e.finished is not None and (success is None or e.finished > success)]
    times = len({e.group for e in since})
    if times < IN_A_ROW:
        return Health(State.FAILED, error, max(1, times))
    return Health(State.FAILING, min(e.started for e in since), times)


@lru_cache(maxsize=16384)
def _next(entry: Entry, after: datetime) -> datetime | str:
    """A run that was due after the last one is asked for at each look, and found only once."""
    return calendar.next_run(entry, after)


def silence(jobs: Iterable[Job], now: datetime) -> tuple[datetime, datetime] | None:
    """The time since which no job at all ran although some were due: Dkron was down, or none of its jobs ran. For a
    watcher that was not there to see it."""
    jobs = list(jobs)
    last = max((m for job in jobs if (m := last_result(job))), default=None)
    if last is None:
        return None
    entries = [(Entry.of(job), tolerance(job)) for job in jobs if not job.get("parent_job")]
    due = [(calendar.next_run(entry, last), late) for entry, late in entries]
    expected = sum(isinstance(run, datetime) and run + late <= now for run, late in due)
    return (last, now) if expected >= SILENT_JOBS else None


def in_doubt(found: Mapping[str, Health]) -> list[str]:
    """The jobs whose executions would tell more, the most urgent first."""
    late = [name for name, health in found.items() if health.state in (State.OVERDUE, State.STUCK, State.RUNNING)]
    return late + [name for name, health in found.items() if health.state is State.FAILED and not health.never]
