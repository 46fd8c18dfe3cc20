"""Agents for the tests: the stand-in, or the real dkron where there is one, with a client that sends bytes as told."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev.agent import free_port
from dev.say import SANDBOX_BIN
from tests.e2e.harness import tool, wait_until

SANDBOX = SANDBOX_BIN / "dkron"
setattr(http.client, "_MAXLINE", 2**20)  # noqa: B010 - Dkron answers with header lines of 64 KB


def programs() -> list[Any]:
    """Parameters: the stand-in and, with E2E=all, the real dkron: whether what was recorded of it still holds."""
    real = tool("dkron", "real")
    absent = pytest.mark.skipif(real is None, reason="no real dkron on PATH")
    return [
        pytest.param(SANDBOX, id="sandbox"),
        pytest.param(real, id="real", marks=[absent, pytest.mark.e2e, pytest.mark.thorough]),
    ]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Agent:
    """A running agent on loopback. `data` outlives it."""

    program: Path
    data: Path
    name: str = "c1"
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Agent":
        self.data.mkdir(parents=True, exist_ok=True)
        command = [
            str(self.program),
            "agent",
            "--server",
            "--bootstrap-expect=1",
            f"--http-addr=127.0.0.1:{self.port}",
            "--advertise-addr=127.0.0.1",
            f"--bind-addr=127.0.0.1:{free_port()}",
            f"--rpc-port={free_port()}",
            f"--data-dir={self.data}",
            f"--node-name={self.name}",
            "--disable-usage-stats",
            "--log-level=error",
        ]
        environment = {**os.environ, "GIN_MODE": "release", "TZ": "UTC", **self.environment}
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        wait_until(lambda: self._answers("/v1/isleader"), "an answer")
        return self

    def _answers(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.data / "log").read_text()[-1000:]
        with contextlib.suppress(OSError):
            return self.call("GET", path).status == 200
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code. A kill takes the whole group, as the real one leaves its plugins behind."""
        assert self.process is not None
        process, self.process = self.process, None
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return process.wait(60)

    def __enter__(self) -> "Agent":
        self.start()
        wait_until(lambda: self._answers("/v1/leader"), "a leader")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()

    def call(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own; a body that is no bytes is sent as JSON."""
        payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if payload or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(payload)}")
        return self.raw("\r\n".join([*lines, "", ""]).encode() + payload, method)

    def raw(self, request: bytes, method: str = "") -> Answer:
        """The answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            # An answer may come before all of the request is read: then the pipe breaks and the answer is there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            headers = {name.lower(): value.encode("latin-1").decode() for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    # -- what most tests do ------------------------------------------------------------------------------------------

    def post(self, name: str, **fields: Any) -> None:
        answer = self.call("POST", "/v1/jobs", {"name": name, "schedule": "@manually", **fields})
        assert answer.status == 201, answer.body

    def run(self, *names: str) -> None:
        for name in names:
            assert self.call("POST", f"/v1/jobs/{name}/run").status == 200

    def job(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v1/jobs/{name}").json()
        return found

    def executions(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/v1/jobs/{name}/executions").json()
        return found
