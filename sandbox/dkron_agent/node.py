"""The one node of the cluster that is none: its store, scheduler and runner, and what it says about itself.

It is always the leader. It knows no HTTP.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import VERSION, shell_executor
from .http_executor import HttpExecutor
from .job import Job
from .runner import Executor, Runner
from .scheduler import Scheduler
from .store import Store


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
        self.scheduler = Scheduler(lambda: datetime.now(UTC))
        self.runner = Runner(self.store, self.scheduler, name, self._tags, executors)
        self._writing = threading.Lock()
        for job in self.store.jobs():
            self.scheduler.add(job)

    def start(self) -> None:
        threading.Thread(target=self.scheduler.run, args=(self.runner.fire,), daemon=True, name="scheduler").start()

    def put(self, job: Job) -> None:
        """Store the job and schedule it. Raises ParentMissing."""
        with self._writing:
            self.store.put(job)
            self.scheduler.add(job)

    def delete(self, name: str) -> Job | None:
        with self._writing:
            job = self.store.delete(name)
            if job is not None:
                self.scheduler.remove(name)
            return job

    def member(self) -> dict[str, Any]:
        who = {"Name": self._name, "Addr": self._address, "Port": self._port, "Tags": self._tags, "Status": 1}
        versions = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5}
        return {**who, **versions, "DelegateCur": 4}

    def about(self) -> dict[str, Any]:
        zeros = ("coordinate_resets", "event_queue", "failed", "health_score", "intent_queue", "left", "query_queue")
        ones = ("event_time", "member_time", "members", "query_time")
        serf = {**dict.fromkeys(zeros, "0"), **dict.fromkeys(ones, "1"), "encrypted": "false"}
        return {"agent": {"name": self._name, "version": VERSION}, "serf": serf, "tags": self._tags}
