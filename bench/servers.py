"""Which `pulumi` and `dkron` are measured, and Dkron servers of the benchmark's own, on loopback and free ports."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.errors import BenchError
from dev.say import SANDBOX_BIN
from dev.tools import TOOLS, Tool, on_path, sandbox_choice, version

START_TIMEOUT_S = 60.0
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """The two programs."""

    pulumi: Tool
    dkron: Tool

    def described(self) -> dict[str, Any]:
        """For the report: what they are, without where they lie."""
        found = {"pulumi": (self.pulumi, "version"), "dkron": (self.dkron, "version")}
        return {
            name: {"kind": "sandbox" if tool.sandbox else "real", "version": version([str(tool.path), command])}
            for name, (tool, command) in found.items()
        }


def find_tools(sandbox: bool) -> Tools:
    """The real ones where they are here (SANDBOX=1 and `sandbox` forbid them), else the stand-ins. Installs nothing."""
    choice = True if sandbox else sandbox_choice()

    def find(name: str) -> Tool:
        local = TOOLS / "bin" / name
        real = None if choice else on_path(name) or (local if local.is_file() else None)
        if real is None and choice is False:
            raise BenchError(f"{name}: none on PATH, and SANDBOX=0 forbids the stand-in: install it, or allow SANDBOX")
        return Tool(real or SANDBOX_BIN / name, sandbox=real is None)

    return Tools(find("pulumi"), find("dkron"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A Dkron with its own data, idle unless its system is measured."""

    def __init__(self, program: Path, data: Path) -> None:
        self.program, self.data, self.port = program, data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it can serve writes. Raises BenchError."""
        self.data.mkdir(parents=True)
        command = [
            str(self.program), "agent", "--server", "--bootstrap-expect=1", f"--http-addr=127.0.0.1:{self.port}",
            f"--bind-addr=127.0.0.1:{free_port()}", "--advertise-addr=127.0.0.1", f"--rpc-port={free_port()}",
            f"--data-dir={self.data}", "--node-name=bench", "--disable-usage-stats", "--log-level=error",
        ]  # fmt: skip
        log = self.data.parent / f"{self.data.name}.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                cwd=self.data.parent, env={**os.environ, "GIN_MODE": "release"},
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        # The leader is known a moment before it can serve writes.
        while not all(self._answers(path) for path in ("/v1/leader", "/v1/isleader")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("dkron did not start", log.read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        with contextlib.suppress(requests.RequestException):
            return bool(requests.get(self.url + path, timeout=5).status_code == requests.codes.ok)
        return False

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Every job, by name."""
        answer = requests.get(f"{self.url}/v1/jobs", timeout=TIMEOUT_S)
        answer.raise_for_status()
        return {str(job["name"]): job for job in answer.json()}

    def change_by_hand(self, name: str, displayname: str) -> None:
        """A person's own POST of the job with another display name."""
        answer = requests.post(
            f"{self.url}/v1/jobs", json={**self.jobs()[name], "displayname": displayname}, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
