"""What the end-to-end tests drive: a dkron server, a project with its own state, and a proxy between them."""

import atexit
import contextlib
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from dev.agent import Agent, free_port, start_agent
from dev.say import ROOT, SANDBOX_BIN
from dev.tools import on_path

PASSPHRASE = "e2e-passphrase"
CANARY = "CANARY-4f1d-9b2e"  # the service key of every test project: it must show up nowhere
NO_DKRON = "http://dkron.invalid"
PROGRAM = ("__main__.py", "Pulumi.yaml", "provider", "jobs", "commands")


def tool(name: str, kind: str) -> Path | None:
    """The `real` or the `sandbox` program of that name, None where there is none."""
    if kind == "real":
        return on_path(name)
    path = SANDBOX_BIN / name
    return path if path.exists() else None


# Where both real tools are, the tests on stand-ins and those marked `thorough` are left out, unless E2E=all.
WHOLE = os.environ.get("E2E") == "all" or not all(tool(name, "real") for name in ("pulumi", "dkron"))


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 240) -> Any:
    """Polls; the time-out is only there so that a broken test ends."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if result := condition():
                return result
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout} s")


class Dkron:
    """A dkron server on loopback with its own data."""

    def __init__(self, kind: str, data: Path, port: int | None = None) -> None:
        path = tool("dkron", kind)
        assert path is not None
        self.path, self.data, self.port = path, data, port or free_port()
        self.agent: Agent | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Of each node."""
        return [self.url]

    def start(self) -> "Dkron":
        self.agent = start_agent(self.path, self.data, self.port, "e2e")
        self.agent.wait_until_it_serves(timeout_s=240)
        return self

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def jobs(self) -> dict[str, dict[str, Any]]:
        jobs = requests.get(f"{self.url}/v1/jobs", timeout=10).json()
        return {job["name"]: job for job in jobs}

    def job(self, name: str) -> dict[str, Any]:
        found = self.jobs()
        assert name in found, f"{name} is not among {sorted(found)}"
        return found[name]

    def await_a_stored_run(self, name: str) -> None:
        """Waits until a run has begun and the server knows it after a kill; `/v1/busy` names it a little earlier."""
        wait_until(lambda: any(run["job_name"] == name for run in self._get("/v1/busy")), "the run's beginning")
        wait_until(lambda: self._get(f"/v1/jobs/{name}/executions"), "the run in the server's store")

    def _get(self, path: str) -> Any:
        return requests.get(f"{self.url}{path}", timeout=10).json()

    def post(self, **job: Any) -> None:
        """Creates or replaces a job by hand."""
        answer = requests.post(f"{self.url}/v1/jobs", json=job, timeout=10)
        assert answer.status_code == 201, answer.text

    def change(self, name: str, **fields: Any) -> None:
        """Changes fields of a job by hand."""
        self.post(**{**self.job(name), **fields})

    def delete(self, name: str) -> None:
        assert requests.delete(f"{self.url}/v1/jobs/{name}", timeout=10).status_code == 200

    def run(self, name: str) -> None:
        requests.post(f"{self.url}/v1/jobs/{name}/run", timeout=60)

    def clear(self) -> None:
        """Deletes every job, children first."""
        while jobs := self.jobs():
            for name, job in jobs.items():
                if not job["dependent_jobs"]:
                    requests.delete(f"{self.url}/v1/jobs/{name}", timeout=10)


@dataclass
class Result:
    """What a command of the CLI gave."""

    code: int
    output: str

    def json(self) -> Any:
        """The one JSON object in the output."""
        return json.loads(self.output[self.output.index("{") : self.output.rindex("}") + 1])

    def ok(self) -> "Result":
        assert self.code == 0, self.output
        return self

    def failed(self) -> "Result":
        assert self.code != 0, self.output
        assert "Traceback" not in self.output, self.output
        return self


def lay_program(root: Path) -> None:
    """Copies the program to a new folder, compiled files too: their sources keep their times."""
    root.mkdir(parents=True)
    for name in PROGRAM:
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / ".state").mkdir()


@functools.cache
def _template(pulumi: Path) -> Path:
    """A project of this CLI with a stack and config; made once in a process, since each command takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="dkron-jobs-e2e-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = Project(folder / "project", pulumi, NO_DKRON)
    lay_program(project.root)
    project.run("stack", "init", "dev").ok()
    project.config("dkronUrl", NO_DKRON)
    project.config("gatewayUrl", "http://127.0.0.1:5461")
    project.config("serviceKey", CANARY, secret=True)
    shutil.rmtree(project.root / ".home", ignore_errors=True)
    return project.root


# What was brought up once in this process, by what it was made of: its folder of state, and its jobs.
_SETTLED: dict[tuple[str, ...], tuple[Path, list[dict[str, Any]]]] = {}


@dataclass
class Project:
    """A copy of the program with declarations, state and stack of its own."""

    root: Path
    pulumi: Path
    dkron_url: str
    service_key: str = CANARY
    env: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)

    def create(self) -> "Project":
        """Copies the project that this CLI made once: its stack, its config, nothing deployed."""
        shutil.copytree(_template(self.pulumi), self.root, symlinks=True)
        config = self.root / "Pulumi.dev.yaml"
        config.write_text(config.read_text(encoding="utf-8").replace(NO_DKRON, self.dkron_url), encoding="utf-8")
        if self.service_key != CANARY:
            self.config("serviceKey", self.service_key, secret=True)
        return self

    @property
    def environment(self) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "DKRON_", "COV_", "SERVICE_KEY"))}
        return {
            **keep,
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(self.root / ".home"),
            "PULUMI_BACKEND_URL": f"file://{self.root / '.state'}",
            "PULUMI_STACK": "dev",
            "GOGC": "400",  # a run lasts seconds: collecting costs it a tenth of its time
            **self.env,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.pulumi), *arguments, "--non-interactive"],
            cwd=self.root,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *arguments: str, timeout: float = 240) -> Result:
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"pulumi {arguments} did not end:\n{output}") from None
        self.outputs.append(output)
        return Result(process.returncode, output)

    def up(self, *arguments: str) -> Result:
        return self.run("up", "--yes", "--skip-preview", "--stack", "dev", *arguments)

    def settle(self) -> None:
        """The first `up` of the declared jobs, which takes seconds: a copy of one, after the first time."""
        self.settle_by(lambda: self.up().ok())

    def settle_by(self, bring_up: Callable[[], object]) -> None:
        """Lays down the state that `bring_up` left when it was called first for this program, and its jobs in Dkron."""
        program = b"".join(path.read_bytes() for path in sorted(self.root.rglob("*.py")) if ".venv" not in path.parts)
        made_of = (str(self.pulumi), self.dkron_url, self.service_key, hashlib.sha256(program).hexdigest())
        address = f"{self.dkron_url}/v1/jobs"
        if made_of not in _SETTLED:
            bring_up()
            kept = Path(tempfile.mkdtemp(prefix="dkron-jobs-e2e-"))
            atexit.register(shutil.rmtree, kept, ignore_errors=True)
            _SETTLED[made_of] = kept, requests.get(address, timeout=10).json()
            source, target = self.root, kept
        else:
            for job in _SETTLED[made_of][1]:
                assert requests.post(address, json=job, timeout=10).status_code == 201
            source, target = _SETTLED[made_of][0], self.root
        shutil.copytree(source / ".state", target / ".state", dirs_exist_ok=True)
        shutil.copy2(source / "Pulumi.dev.yaml", target / "Pulumi.dev.yaml")

    def preview(self, *arguments: str) -> Result:
        return self.run("preview", "--stack", "dev", *arguments)

    def destroy(self) -> Result:
        return self.run("destroy", "--yes", "--skip-preview", "--stack", "dev")

    def config(self, key: str, value: str, secret: bool = False) -> None:
        self.run("config", "set", *(["--secret"] if secret else []), key, value).ok()

    def declare(self, *declarations: str) -> None:
        """Replaces all declarations by these expressions."""
        for module in (self.root / "jobs").glob("[a-z]*.py"):
            module.unlink()
        head = "from provider import JobSpec, http, plugin, secret, setting, shell\n\n"
        text = head + "JOBS = [\n" + "".join(f"    {d},\n" for d in declarations) + "]\n"
        (self.root / "jobs" / "declared.py").write_text(text, encoding="utf-8")

    def program(self, text: str) -> None:
        """Replaces the program itself."""
        (self.root / "__main__.py").write_text(text, encoding="utf-8")

    def exported(self, show_secrets: bool = False) -> dict[str, Any]:
        arguments = ["stack", "export", "--stack", "dev", *(["--show-secrets"] if show_secrets else [])]
        done = subprocess.run(
            [str(self.pulumi), *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        exported: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        return exported

    def recorded_jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs in the state, by id."""
        resources = self.exported()["deployment"].get("resources") or []
        return {r["id"]: r for r in resources if r["type"] == "pulumi-python:dynamic/dkron:Job"}

    def forget_state(self) -> None:
        shutil.rmtree(self.root / ".state" / ".pulumi" / "stacks")
        self.run("stack", "init", "dev").ok()


def changes(output: str) -> dict[str, int]:
    """The counts under "Resources:" in the CLI's output: {"created": 8, "unchanged": 1}."""
    counts: dict[str, int] = {}
    lines = iter(output.rpartition("Resources:")[2].splitlines())
    for line in lines:
        words = line.replace("+-", "").strip("+-~ ").split()
        if len(words) >= 2 and words[0].isdigit():
            counts[words[-1] if "changes." not in line else "unchanged"] = int(
                words[0] if "changes." not in line else words[-2]
            )
    return counts


Hook = Callable[[str, str, bytes], tuple[int, bytes] | None]


class Proxy:
    """Stands between the provider and Dkron: writes down every request, and may answer in Dkron's place.

    Once closed it forwards nothing more, also not what a hook has held up: that would reach the next test.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.requests: list[tuple[str, str, bytes]] = []
        self.hook: Hook = lambda _method, _path, _body: None
        self.closed = False
        self.forwarding = 0
        self.changed = threading.Condition()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests.append((self.command, self.path, body))
                answer = proxy.hook(self.command, self.path, body)
                kind = "text/plain; charset=utf-8"
                if answer is None:
                    got = proxy.forward(self.command, self.path, body)
                    if got is None:
                        self.close_connection = True
                        return
                    answer = got.status_code, got.content
                    kind = got.headers.get("Content-Type", kind)
                self.send_response(answer[0])
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who asked was killed meanwhile
                    self.wfile.write(answer[1])

            do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = forward  # noqa: N815 - http.server names them so

            def log_message(self, *_arguments: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def forward(self, method: str, path: str, body: bytes) -> requests.Response | None:
        """Dkron's answer; None when this is closed."""
        with self.changed:
            if self.closed:
                return None
            self.forwarding += 1
        try:
            return requests.request(method, self.target + path, data=body, timeout=30, allow_redirects=False)
        finally:
            with self.changed:
                self.forwarding -= 1
                self.changed.notify_all()

    def delay_writes(self, seconds: float) -> None:
        """Each POST waits so long before it is passed on."""

        def slow(method: str, _path: str, _body: bytes) -> None:
            if method == "POST":
                time.sleep(seconds)

        self.hook = slow

    def pass_on(self) -> None:
        """Nothing is held up or answered here any more."""
        self.hook = lambda _method, _path, _body: None

    def count(self, method: str, path: str = "") -> int:
        """How many requests of that method went to a path that begins so."""
        return sum(m == method and p.startswith(path) for m, p, _ in self.requests)

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.wait_for(lambda: not self.forwarding)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def proxy_before(target: str) -> Iterator[Proxy]:
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
