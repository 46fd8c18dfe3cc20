"""The one node of the cluster that is none: its store, scheduler and runner, and what it says about itself.

Two files named in the environment let a test play what the real one does at times: no leader (cluster.json,
minority_leader_left), and a job that is stored but never scheduled. It knows no HTTP.
"""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from . import VERSION, shell_executor
from .http_executor import HttpExecutor
from .job import Job
from .runner import Executor, Runner
from .scheduler import Scheduler
from .store import Store

# While this file exists, the node has no leader.
NO_LEADER_FILE: Final = "SANDBOX_DKRON_NO_LEADER_FILE"
# The jobs that it names, one a line, are stored and listed but not scheduled when they are posted: a run is a 404.
UNSCHEDULED_FILE: Final = "SANDBOX_DKRON_UNSCHEDULED_FILE"


def _file(variable: str) -> Path | None:
    """The file that the environment names, if it names one that exists."""
    path = os.environ.get(variable)
    return Path(path) if path and Path(path).exists() else None


class Node:
    """Starts to fire with start()."""

    def __init__(self, name: str, directory: Path, address: str, port: int, rpc_port: int) -> None:
        self._name, self._address, self._port = name, address, port
        self._tags = {
            "dc": "dc1",
            "expect": "1",
            "port": str(rpc_port),
            "region": "global",
            "role": "dkron",
            "rpc_addr": f"{address}:{rpc_port}",
            "server": "true",
            "version": VERSION,
        }
        self.store = Store(directory)
        executors: dict[str, Executor] = {"shell": shell_executor.execute, "http": HttpExecutor()}
        self.scheduler = Scheduler(self._fire, lambda: datetime.now(UTC))
        self.runner = Runner(self.store, self.scheduler, name, self._tags, executors)
        self._writing = threading.Lock()
        for job in self.store.jobs():
            self._schedule(job)

    def start(self) -> None:
        threading.Thread(target=self.scheduler.run, daemon=True, name="scheduler").start()

    def has_leader(self) -> bool:
        return _file(NO_LEADER_FILE) is None

    def put(self, job: Job) -> None:
        """Store the job and schedule it. Raises ParentMissing."""
        with self._writing:
            self.store.put(job)
            self._schedule(job)

    def _schedule(self, job: Job) -> None:
        names = _file(UNSCHEDULED_FILE)
        if names is not None and job["name"] in names.read_text(encoding="utf-8").split():
            self.scheduler.remove(job["name"])
        else:
            self.scheduler.add(job)

    def delete(self, name: str) -> Job | None:
        with self._writing:
            job = self.store.delete(name)
            if job is not None:
                self.scheduler.remove(name)
            return job

    def _fire(self, job: Job) -> None:
        if self.has_leader():
            self.runner.fire(job)

    def member(self) -> dict[str, Any]:
        who = {"Name": self._name, "Addr": self._address, "Port": self._port, "Tags": self._tags, "Status": 1}
        versions = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5}
        return {**who, **versions, "DelegateCur": 4}

    def about(self) -> dict[str, Any]:
        zeros = ("coordinate_resets", "event_queue", "failed", "health_score", "intent_queue", "left", "query_queue")
        ones = ("event_time", "member_time", "members", "query_time")
        serf = {**dict.fromkeys(zeros, "0"), **dict.fromkeys(ones, "1"), "encrypted": "false"}
        return {"agent": {"name": self._name, "version": VERSION}, "serf": serf, "tags": self._tags}
