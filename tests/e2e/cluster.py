"""Three real dkron servers that make one cluster; the sandbox is one node only."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import requests

from dev.agent import free_port
from tests.e2e.harness import Dkron, wait_until

NODES = (1, 2, 3)  # from one: a leader is never false


class Cluster(Dkron):
    """A Dkron of three nodes. What is asked of it, is asked of its leader; `stop` and `start` are for all of them."""

    def __init__(self, root: Path) -> None:
        super().__init__("real", root)
        self.http, self.serf, self.rpc = ({n: free_port() for n in NODES} for _ in range(3))
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        leader: int = wait_until(self.leader, "the cluster's leader")
        return self.url_of(leader)

    @property
    def urls(self) -> list[str]:
        return [self.url_of(number) for number in NODES]

    def url_of(self, number: int) -> str:
        return f"http://127.0.0.1:{self.http[number]}"

    def start(self) -> "Cluster":
        """Starts the nodes that don't run, and waits until all are members and one leads."""
        self.data.mkdir(parents=True, exist_ok=True)
        for number in set(NODES).difference(self.running):
            with (self.data / f"{number}.log").open("ab") as log:
                self.running[number] = subprocess.Popen(
                    self._command(number),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, "GIN_MODE": "release"},
                )
        wait_until(lambda: all(self._members_at(url) == len(NODES) for url in self.urls), "three members")
        wait_until(self.leader, "the cluster's leader")
        return self

    def _command(self, number: int) -> list[str]:
        address = f"127.0.0.1:{self.serf[number]}"
        return [
            *(str(self.path), "agent", "--server", f"--bootstrap-expect={len(NODES)}"),
            *(f"--http-addr=127.0.0.1:{self.http[number]}", f"--bind-addr={address}", f"--advertise-addr={address}"),
            *(f"--rpc-port={self.rpc[number]}", f"--data-dir={self.data / str(number)}", f"--node-name=n{number}"),
            *("--disable-usage-stats", "--log-level=error", "--retry-interval=1s"),
            *(f"--retry-join=127.0.0.1:{port}" for port in self.serf.values()),
        ]

    def _members_at(self, url: str) -> int:
        return sum(m["Status"] == 1 for m in requests.get(f"{url}/v1/members", timeout=5).json())

    def leader(self) -> int | None:
        """The node that says so of itself; another's /v1/leader may name a node before any was elected."""
        for number in self.running:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url_of(number)}/v1/isleader", timeout=5).status_code == requests.codes.ok:
                    return number
        return None

    def kill(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            process = self.running.pop(number)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_leader(self) -> None:
        number = self.leader()
        assert number is not None
        self.kill([number])

    def stop(self) -> None:
        self.kill([*self.running])
