"""One Dkron on loopback, real or stand-in, for development, the benchmark and the tests: they start it only here.

It knows nothing of which program to take, nor where its data belong; it never touches a server that it did not start.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests

START_TIMEOUT_S = 60.0


class AgentFailed(Exception):
    """It did not come to serve; the text is what it printed."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A process in a session of its own, and the address of its API."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until_it_serves(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Returns when it takes writes. Raises AgentFailed, with nothing left running."""
        deadline = time.monotonic() + timeout_s
        while not serves(self.url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AgentFailed(self.log.read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.05)

    def stop(self) -> None:
        """Kills it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def serves(url: str) -> bool:
    """Whether the Dkron there takes writes: its leader is known a moment before."""
    with contextlib.suppress(requests.RequestException):
        answers = (requests.get(f"{url}/v1/{path}", timeout=5) for path in ("leader", "isleader"))
        return all(answer.status_code == requests.codes.ok for answer in answers)
    return False


def free_port(wanted: int = 0) -> int:
    """`wanted` if nothing listens there, else any free port on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_agent(program: Path, data: Path, port: int | None = None, node: str = "dkron") -> Agent:
    """Starts a cluster of one with its data in that folder, and its log beside the folder. Doesn't wait for it."""
    port = port or free_port()
    data.mkdir(parents=True, exist_ok=True)
    command = [str(program), "agent", "--server", "--bootstrap-expect=1", "--disable-usage-stats", "--log-level=error"]
    command += [f"--data-dir={data}", f"--node-name={node}", f"--http-addr=127.0.0.1:{port}"]
    command += [f"--bind-addr=127.0.0.1:{free_port()}", f"--rpc-port={free_port()}", "--advertise-addr=127.0.0.1"]
    log = data.parent / f"{data.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=data.parent,
            env={**os.environ, "GIN_MODE": "release"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Agent(f"http://127.0.0.1:{port}", process, log)
