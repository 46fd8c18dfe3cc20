"""Jobs and executions in SQLite, so that an acknowledged write outlives kill -9; jobs in memory too, for fast lists.

Stands in for Dkron's replicated store: what an upsert keeps, what a delete takes along (recorded: http.json d, f, g).
Write-ahead log without an fsync per write: safe when the process dies, not when the power does. It runs no job.
"""

import json
import os
import sqlite3
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from provider.schedule.moments import Moment

from . import instants
from .job import Job, as_stored, rule

MAX_EXECUTIONS: Final = 100  # per job; recorded: executions-limit
_TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (job TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job, id));
"""
_ALL_BUT_THE_NEWEST: Final = """
DELETE FROM executions WHERE job = :job
AND id NOT IN (SELECT id FROM executions WHERE job = :job ORDER BY id DESC LIMIT :limit)
"""


class ParentMissing(Exception):
    """The job names a parent that does not exist."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt at running a job, with the API's names; `finished_at` is instants.NEVER while it runs."""

    job_name: str
    group: int
    attempt: int = 1
    node_name: str = ""
    started_at: int = instants.NEVER
    finished_at: int = instants.NEVER
    success: bool = False
    output: str = ""

    @property
    def id(self) -> str:
        return f"{self.started_at}-{self.node_name}"

    def as_shown(self) -> dict[str, Any]:
        """As the API shows it. An empty output is left out."""
        dates = {"started_at": instants.show(self.started_at), "finished_at": instants.show(self.finished_at)}
        shown = {"id": self.id, **asdict(self), **dates}
        return {name: value for name, value in shown.items() if value != ""}


def server_zone() -> ZoneInfo:
    """The zone of this process: Dkron computes `next` in it, whatever the job's timezone (recorded: d14)."""
    return ZoneInfo(os.environ.get("TZ") or "UTC")


def first_run(job: Job, now: datetime) -> int:
    """`next` of a job whose schedule is new (recorded: c05, d07-d20)."""
    starts_at: int | None = job["starts_at"]
    if starts_at is not None and instants.from_datetime(now) < starts_at:
        return starts_at
    if not job["schedule"]:
        return instants.NEVER
    parsed = rule(job)
    if isinstance(parsed.rule, Moment):  # may lie beyond what a datetime can hold (recorded: p08)
        at = instants.from_moment(parsed.rule)
        return at if at > instants.from_datetime(now) else instants.NEVER
    return instants.from_datetime(parsed.next_run(now, server_zone()))


class Store:
    """All methods are safe to call from several threads. Jobs handed out must not be changed."""

    def __init__(self, directory: Path) -> None:
        """Raises OSError or sqlite3.Error, also when another agent uses the directory."""
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(directory / "sandbox.sqlite", check_same_thread=False, timeout=0)
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.executescript(_TABLES)
        self._jobs: dict[str, Job] = {name: json.loads(body) for name, body in self._db.execute("SELECT * FROM jobs")}

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def jobs(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def _save(self, job: Job) -> None:
        self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (job["name"], json.dumps(job)))
        self._jobs[job["name"]] = job

    def put(self, job: Job) -> None:
        """Create or replace; counters, status, children and `next` of an unchanged schedule stay.

        Raises ParentMissing.
        """
        with self._lock, self._db:
            if job["parent_job"] and self.get(job["parent_job"]) is None:
                raise ParentMissing
            old = self.get(job["name"])
            stored = as_stored(job)
            if old is not None:
                _carry_over(old, stored)
            if stored["schedule"] != (old["schedule"] if old else ""):
                stored["next"] = first_run(stored, datetime.now(UTC))
            else:
                stored["next"] = max(stored["next"], old["next"] if old else instants.EPOCH)
            self._save(stored)
            before = old["parent_job"] if old else ""
            if before != stored["parent_job"]:
                self._change_children(before, without=job["name"])
                self._change_children(stored["parent_job"], adding=job["name"])

    def advance(self, name: str, instant: int) -> None:
        """The job is about to run, and will run next at `instant`; `next` never moves back (recorded: d15)."""
        with self._lock, self._db:
            job = self.get(name)
            if job is not None and instant > job["next"]:
                self._save(job | {"next": instant})

    def _change_children(self, parent: str, *, without: str = "", adding: str = "") -> None:
        job = self.get(parent)
        if job is not None:
            children = [name for name in job["dependent_jobs"] or [] if name != without]
            children += [adding] if adding else []
            self._save(job | {"dependent_jobs": children or None})

    def delete(self, name: str) -> Job | None:
        """The job that is gone now; None when there is none or it has children. Executions of every job whose name
        begins with this one go too (recorded: g12)."""
        with self._lock, self._db:
            job = self.get(name)
            if job is None or job["dependent_jobs"]:
                return None
            self._db.execute("DELETE FROM executions WHERE substr(job, 1, ?) = ?", (len(name), name))
            self._db.execute("DELETE FROM jobs WHERE name = ?", (name,))
            del self._jobs[name]
            self._change_children(job["parent_job"], without=name)
            return job

    def executions(self, job: str) -> list[Execution]:
        with self._lock:
            rows = self._db.execute("SELECT body FROM executions WHERE job = ?", (job,))
            return [Execution(**json.loads(body)) for (body,) in rows]

    def _write(self, execution: Execution) -> None:
        row = (execution.job_name, execution.id, json.dumps(asdict(execution)))
        self._db.execute("INSERT OR REPLACE INTO executions VALUES (?, ?, ?)", row)

    def started(self, execution: Execution) -> None:
        with self._lock, self._db:
            self._write(execution)
            self._db.execute(_ALL_BUT_THE_NEWEST, {"job": execution.job_name, "limit": MAX_EXECUTIONS})

    def finished(self, execution: Execution) -> Job | None:
        """Store the result and count it; the job as it is now, None if it was deleted meanwhile."""
        with self._lock, self._db:
            job = self.get(execution.job_name)
            if job is None:
                return None
            self._write(execution)
            word, counter = ("last_success", "success_count") if execution.success else ("last_error", "error_count")
            group = [one.success for one in self.executions(execution.job_name) if one.group == execution.group]
            status = "success" if all(group) else "partially_failed" if any(group) else "failed"
            counted = job | {word: execution.finished_at, counter: job[counter] + 1, "status": status}
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
