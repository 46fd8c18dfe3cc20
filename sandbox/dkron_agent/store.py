"""Jobs and executions: in memory for reading, in SQLite so that an acknowledged write outlives kill -9.

Stands in for Dkron's replicated store: what an upsert keeps, what a delete takes along (recorded: http.json d, f, g).
Write-ahead log without an fsync per write: safe when the process dies, not when the power does. It runs no job.
"""

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from provider.schedule.moments import Moment

from . import gojson, gotime
from .gotime import GoTime
from .job import TIMES, Job, as_stored, plain, rule

MAX_EXECUTIONS: Final = 100  # per job; recorded: executions-limit
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (
    job TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, output BLOB NOT NULL, PRIMARY KEY (job, id));
"""


class ParentMissing(Exception):
    """The job names a parent that does not exist."""


class InUse(Exception):
    """Another agent works in this data directory."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt at running a job; `finished` is gotime.ZERO while it runs."""

    job: str
    group: int
    attempt: int = 1
    node: str = ""
    started: GoTime = gotime.ZERO
    finished: GoTime = gotime.ZERO
    success: bool = False
    output: bytes = b""

    @property
    def id(self) -> str:
        return f"{self.started.ns}-{self.node}"


def server_zone() -> ZoneInfo:
    """The zone of this process: Dkron computes `next` in it, whatever the job's timezone (recorded: d14)."""
    return ZoneInfo(os.environ.get("TZ") or "UTC")


def first_run(job: Job, moment: datetime) -> GoTime:
    """`next` of a job whose schedule is new (recorded: c05, d07-d20)."""
    starts_at: GoTime | None = job["starts_at"]
    if starts_at is not None and gotime.from_datetime(moment).ns < starts_at.ns:
        return starts_at
    if not job["schedule"]:
        return gotime.ZERO
    parsed = rule(job)
    if isinstance(parsed.rule, Moment):  # may lie beyond what a datetime can hold (recorded: p08)
        at = GoTime(parsed.rule.seconds * 1_000_000_000 + parsed.rule.nanoseconds)
        return at if at > gotime.from_datetime(moment) else gotime.ZERO
    return gotime.from_datetime(parsed.next_run(moment, server_zone()))


class Store:
    """All methods are safe to call from several threads. Jobs handed out must not be changed."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file = (directory / "sandbox.lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file.close()
            raise InUse(f"{directory} is used by another agent") from None
        self._lock = threading.RLock()
        self._db = sqlite3.connect(directory / "sandbox.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        self._jobs: dict[str, Job] = {}
        self._shown: dict[str, bytes | None] = {}
        self._executions: dict[str, dict[str, Execution]] = {}
        self._load()

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._lock_file.close()

    def _load(self) -> None:
        for (body,) in self._db.execute("SELECT body FROM jobs"):
            job: Job = json.loads(body)
            self._remember(job | {name: GoTime(*job[name]) for name in TIMES if job[name] is not None})
        for body, output in self._db.execute("SELECT body, output FROM executions"):
            values = json.loads(body)
            values |= {name: GoTime(*values[name]) for name in ("started", "finished")}
            self._keep(Execution(**values, output=output))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _remember(self, job: Job) -> None:
        shown = plain(job)
        self._jobs[job["name"]] = job
        self._shown[job["name"]] = None if shown is None else gojson.encode(shown)

    def _save(self, job: Job) -> None:
        self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (job["name"], json.dumps(job)))
        self._remember(job)

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def shown(self, name: str) -> bytes | None:
        """The job's JSON as the API answers it; None when it can't be written or is gone."""
        return self._shown.get(name)

    def jobs(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def put(self, job: Job) -> None:
        """Create or replace; counters, status, children and `next` of an unchanged schedule stay.

        Raises ParentMissing.
        """
        with self._transaction():
            if job["parent_job"] and job["parent_job"] not in self._jobs:
                raise ParentMissing
            old = self._jobs.get(job["name"])
            stored = as_stored(job)
            if old is not None:
                _carry_over(old, stored)
            if stored["schedule"] != (old["schedule"] if old else ""):
                stored["next"] = first_run(stored, datetime.now(UTC))
            else:
                stored["next"] = max(stored["next"], old["next"] if old else gotime.EPOCH)
            self._save(stored)
            before = old["parent_job"] if old else ""
            if before != stored["parent_job"]:
                self._leave_parent(before, job["name"])
                self._join_parent(stored["parent_job"], job["name"])

    def advance(self, name: str, moment: GoTime) -> None:
        """The job is about to run, and will run next at `moment`; `next` never moves back (recorded: d15)."""
        with self._transaction():
            job = self._jobs.get(name)
            if job is not None and moment > job["next"]:
                self._save(job | {"next": moment})

    def _join_parent(self, parent: str, child: str) -> None:
        if parent in self._jobs:
            job = self._jobs[parent]
            self._save(job | {"dependent_jobs": [*(job["dependent_jobs"] or []), child]})

    def _leave_parent(self, parent: str, child: str) -> None:
        if parent in self._jobs:
            job = self._jobs[parent]
            left = [name for name in job["dependent_jobs"] or [] if name != child]
            self._save(job | {"dependent_jobs": left or None})

    def delete(self, name: str) -> Job | None:
        """The job that is gone now; None when there is none or it has children. Executions of every job whose name
        begins with this one go too (recorded: g12)."""
        with self._transaction():
            job = self._jobs.get(name)
            if job is None or job["dependent_jobs"]:
                return None
            for other in [other for other in self._executions if other.startswith(name)]:
                self._db.execute("DELETE FROM executions WHERE job = ?", (other,))
                del self._executions[other]
            self._db.execute("DELETE FROM jobs WHERE name = ?", (name,))
            del self._jobs[name], self._shown[name]
            self._leave_parent(job["parent_job"], name)
            return job

    def _keep(self, execution: Execution) -> None:
        self._executions.setdefault(execution.job, {})[execution.id] = execution

    def _write(self, execution: Execution) -> None:
        body = {key: value for key, value in asdict(execution).items() if key != "output"}
        row = (execution.job, execution.id, json.dumps(body), execution.output)
        self._db.execute("INSERT OR REPLACE INTO executions VALUES (?, ?, ?, ?)", row)
        self._keep(execution)

    def executions(self, job: str) -> list[Execution]:
        with self._lock:
            return list(self._executions.get(job, {}).values())

    def started(self, execution: Execution) -> None:
        with self._transaction():
            self._write(execution)
            kept = self._executions[execution.job]
            for old in sorted(kept.values(), key=lambda one: one.started)[: max(0, len(kept) - MAX_EXECUTIONS)]:
                self._db.execute("DELETE FROM executions WHERE job = ? AND id = ?", (old.job, old.id))
                del kept[old.id]

    def finished(self, execution: Execution) -> Job | None:
        """Store the result and count it; the job as it is now, None if it was deleted meanwhile."""
        with self._transaction():
            job = self._jobs.get(execution.job)
            if job is None:
                return None
            self._write(execution)
            word, counter = ("last_success", "success_count") if execution.success else ("last_error", "error_count")
            group = [one.success for one in self.executions(execution.job) if one.group == execution.group]
            status = "success" if all(group) else "partially_failed" if any(group) else "failed"
            counted = job | {word: execution.finished, counter: job[counter] + 1, "status": status}
            self._save(counted)
            return counted


def _carry_over(old: Job, new: Job) -> None:
    """What an upsert can't take back (recorded: c11-c16, d32, f20)."""
    for name in ("last_success", "last_error"):
        if old[name] is not None and (new[name] is None or old[name] > new[name]):
            new[name] = old[name]
    for name in ("success_count", "error_count"):
        new[name] = max(new[name], old[name])
    new["dependent_jobs"] = old["dependent_jobs"] or new["dependent_jobs"]
    new["status"] = old["status"] or new["status"]
