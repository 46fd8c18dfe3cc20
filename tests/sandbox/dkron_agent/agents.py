"""Agents for the tests: the stand-in, or the real dkron where there is one, with a client that sends bytes as told."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SANDBOX = ROOT / "sandbox" / "bin" / "dkron"


def real_dkron() -> str | None:
    """The real program on PATH, if there is one."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which("dkron", path=folder)
        if found and Path(found).resolve() != SANDBOX.resolve():
            return found
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 60) -> Any:
    """Polls; the limit is only there so that a broken test ends."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if result := condition():
                return result
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {timeout} s")


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str | None
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Agent:
    """A running agent on loopback. `data` outlives it."""

    program: str
    data: Path
    name: str = "c1"
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Agent":
        self.data.mkdir(parents=True, exist_ok=True)
        command = [
            self.program, "agent", "--server", "--bootstrap-expect=1", f"--http-addr=127.0.0.1:{self.port}",
            "--advertise-addr=127.0.0.1",
            f"--bind-addr=127.0.0.1:{free_port()}", f"--rpc-port={free_port()}", f"--data-dir={self.data}",
            f"--node-name={self.name}", "--disable-usage-stats", "--log-level=error",
        ]  # fmt: skip
        environment = {**os.environ, "GIN_MODE": "release", "TZ": "UTC", **self.environment}
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        wait_until(self._answers, "an answer")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.data / "log").read_text()[-1000:]
        return self.call("GET", "/v1/isleader").status in (200, 404)

    def ready(self) -> "Agent":
        wait_until(lambda: self.call("GET", "/v1/isleader").status == 200, "a leader")
        wait_until(lambda: self.call("GET", "/v1/leader").status == 200, "a leader")
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code. A kill takes the whole group, as the real one leaves its plugins behind."""
        assert self.process is not None
        process, self.process = self.process, None
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def __enter__(self) -> "Agent":
        return self.start().ready()

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
        return self.raw("\r\n".join([*lines, "", ""]).encode() + payload)

    def raw(self, request: bytes) -> Answer:
        """The answer to these bytes. (The standard library's client takes no 64 KB header line; Dkron sends one.)"""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            # An answer may come before all of the request is read: then the pipe breaks and the answer is there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(2**20):
                    parts.append(part)
        return _answer(b"".join(parts))


def _answer(data: bytes) -> Answer:
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise ConnectionError(f"no answer: {data[:200]!r}")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Answer(int(first.split(" ")[1]), headers.get("content-type"), headers, body)


def _unchunked(data: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, _end, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            return b"".join(parts)
        parts.append(data[: int(size, 16)])
        data = data[int(size, 16) + 2 :]
