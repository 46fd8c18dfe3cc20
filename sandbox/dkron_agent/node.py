"""The one node of the cluster that is none: its store, scheduler and runner, and what it says about itself.

Recorded: http.json a01-a07; without a leader: cluster.json, minority_leader_left. It is always its own leader, unless a
test takes the leader away (SANDBOX_DKRON_NO_LEADER_FILE). It knows no HTTP.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import VERSION, shell_executor
from .http_executor import HttpExecutor
from .job import Job
from .runner import Executor, Runner
from .scheduler import Scheduler
from .store import Store

NO_LEADER_FILE = "SANDBOX_DKRON_NO_LEADER_FILE"


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    address: str
    port: int
    rpc_port: int

    def tags(self) -> dict[str, str]:
        return {
            "dc": "dc1",
            "expect": "1",
            "port": str(self.rpc_port),
            "region": "global",
            "role": "dkron",
            "rpc_addr": f"{self.address}:{self.rpc_port}",
            "server": "true",
            "version": VERSION,
        }


class Node:
    """Starts to fire with start(); stop() ends that, and leaves running executions to themselves."""

    def __init__(self, identity: Identity, directory: Path) -> None:
        self.name = identity.name
        self._identity = identity
        self.store = Store(directory)
        executors: dict[str, Executor] = {"shell": shell_executor.execute, "http": HttpExecutor()}
        self.runner = Runner(self.store, identity.name, identity.tags(), executors)
        self.scheduler = self.runner.scheduler = Scheduler(self._fire)
        self._writing = threading.Lock()
        for job in self.store.jobs():
            self.scheduler.add(job)

    def start(self) -> None:
        threading.Thread(target=self.scheduler.run, daemon=True, name="scheduler").start()

    def stop(self) -> None:
        self.runner.stop()
        self.scheduler.stop()
        self.store.close()

    def has_leader(self) -> bool:
        """False while the file named by SANDBOX_DKRON_NO_LEADER_FILE exists."""
        path = os.environ.get(NO_LEADER_FILE)
        return not (path and Path(path).exists())

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

    def _fire(self, job: Job) -> None:
        if self.has_leader():
            self.runner.fire(job)

    def member(self) -> dict[str, Any]:
        one = self._identity
        versions = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5}
        return {
            "Name": one.name,
            "Addr": one.address,
            "Port": one.port,
            "Tags": one.tags(),
            "Status": 1,
            **versions,
            "DelegateCur": 4,
        }

    def about(self) -> dict[str, Any]:
        zeros = ("coordinate_resets", "event_queue", "failed", "health_score", "intent_queue", "left", "query_queue")
        serf = dict.fromkeys(zeros, "0") | {"encrypted": "false"}
        serf |= dict.fromkeys(("event_time", "member_time", "members", "query_time"), "1")
        agent = {"name": self.name, "version": VERSION}
        return {"agent": agent, "serf": dict(sorted(serf.items())), "tags": self._identity.tags()}
