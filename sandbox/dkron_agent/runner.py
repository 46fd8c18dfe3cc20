"""What happens when a job runs: executor, result, retries, children.

Stands in for Dkron's run path on one node (recorded: firing.json, http.json g and h). It does not decide when a job's
time has come (scheduler.py), and knows no executor from within.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from provider.job.tags import how_many_run

from . import instants
from .job import Job
from .scheduler import Scheduler
from .store import Execution, Store

# Takes the job's name and its config; answers its output and, if it failed, why.
Executor = Callable[[str, Mapping[str, str]], tuple[bytes, str | None]]

MAX_OUTPUT: Final = 256_000  # bytes, the last ones are kept; recorded: out-big, shell-big-output
_RETRY_STEP: Final = 0.5  # seconds


def pause_before_retry(took: float, attempt: int) -> float:
    """Seconds to wait before this attempt; none after a failure faster than half a second (recorded: retry-*)."""
    steps = int(took / _RETRY_STEP)
    return max(0, int(math.log2(steps) + attempt)) * _RETRY_STEP if steps else 0.0


@dataclass
class Runner:
    """`node` is this node's name, `tags` are its tags."""

    store: Store
    scheduler: Scheduler
    node: str
    tags: Mapping[str, str]
    executors: Mapping[str, Executor]
    _active: dict[str, Execution] = field(default_factory=dict)

    def active(self) -> list[Execution]:
        """What runs now, oldest first."""
        return sorted(self._active.values(), key=lambda one: one.started_at)

    def fire(self, job: Job) -> None:
        """Run the job if it may run now; what a tick or a parent's success does."""
        if self._runnable(job):
            self.run(job["name"])

    def run(self, name: str) -> Job | None:
        """Run the job and its retries; the job as it was before, None if it is missing, unscheduled or has no node."""
        return self._run(name, Execution(job_name=name, group=time.time_ns(), node_name=self.node))

    def _runnable(self, job: Job) -> bool:
        now = time.time_ns()
        if job["disabled"]:
            return False
        if job["starts_at"] is not None and now < job["starts_at"]:
            return False
        if job["expires_at"] is not None and now > job["expires_at"]:
            return False
        if job["concurrency"] != "forbid":
            return True
        # An execution that a crash left unfinished counts as running for ever (recorded: crash-mid-run-forbid).
        return all(one.finished_at != instants.NEVER for one in self.store.executions(job["name"]))

    def _run(self, name: str, execution: Execution) -> Job | None:
        job = self.store.get(name)
        if job is None:
            return None
        if not job["parent_job"]:
            entry = self.scheduler.entry(name)
            if entry is None:
                return None
            job = job | {"next": instants.from_datetime(entry.next)}
            self.store.advance(name, job["next"])
        if not how_many_run(job["tags"] or {}, [self.tags]):
            return None
        self._attempt(job, execution)
        return job

    def _attempt(self, job: Job, execution: Execution) -> None:
        execution = replace(execution, started_at=time.time_ns())
        self._active[execution.id] = execution
        try:
            self.store.started(execution)
            success, output = self._execute(job)
            done = replace(execution, finished_at=time.time_ns(), success=success, output=output)
            now = self.store.finished(done)
        finally:
            del self._active[execution.id]
        if now is None:
            return
        if not success and done.attempt <= now["retries"] and job["executor"]:
            took = (time.time_ns() - done.started_at) / instants.SECOND
            retry = replace(execution, attempt=done.attempt + 1)
            time.sleep(pause_before_retry(took, retry.attempt))
            self._run(job["name"], retry)
        elif now["status"] == "success":
            self._after_success(now)

    def _execute(self, job: Job) -> tuple[bool, str]:
        executor = self.executors.get(job["executor"])
        if executor is None:
            return False, "grpc_agent: Specified executor is not present"
        output, error = executor(job["name"], job["executor_config"] or {})
        whole = (b"" if error is None else f"{error}\n".encode()) + output
        return error is None, whole[-MAX_OUTPUT:].decode(errors="replace")

    def _after_success(self, job: Job) -> None:
        for name in job["dependent_jobs"] or []:
            child = self.store.get(name)
            if child is None:
                return
            self.fire(child)
        if job["ephemeral"] and self.store.delete(job["name"]) is not None:
            self.scheduler.remove(job["name"])
