"""Drives `python -m watcher` as a process on a project of its own, and reads its log."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from dev.say import ROOT
from tests.e2e.harness import CANARY, Dkron, Project, lay_program, wait_until
from tests.processes import processes_of

Event = dict[str, Any]
SHELL = 'JobSpec(name="{name}", schedule="@every 1h", executor=shell("true"), tags={{"dc": "dc1:1"}})'


def shell_jobs(*names: str) -> list[str]:
    """Declarations of small jobs."""
    return [SHELL.format(name=name) for name in names]


@dataclass
class Once:
    """What `--once` or `--report` gave."""

    code: int
    events: list[Event]
    stdout: str
    stderr: str

    @property
    def cycle(self) -> Event:
        done = [e for e in self.events if e["event"] == "cycle.done"]
        assert done, self.stderr
        return done[-1]

    def ended(self, code: int, outcome: str) -> Event:
        """The cycle's end, which must be this."""
        assert (self.code, self.cycle["outcome"]) == (code, outcome), self.stderr
        return self.cycle

    def has(self, event: str) -> bool:
        return any(e["event"] == event for e in self.events)


def parse(text: str) -> list[Event]:
    """The log's events; anything else on stderr is a fault."""
    events = []
    for line in text.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                # A list without an entry isn't logged.
                events.append({"created": [], "updated": [], "deleted": [], "failed": [], "drift": [], **event})
    return events


@dataclass
class Watcher:
    """One watcher on one project."""

    project: Project
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.project.environment,
            "PATH": f"{self.project.pulumi.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PROGRAM_DIR": str(self.project.root),
            "DKRON_URL": self.project.dkron_url,
            "HEALTH_ADDR": "127.0.0.1:0",
            "RECONCILE_INTERVAL_MS": "600000",
            "PROBE_INTERVAL_MS": "500",
            "LEADER_WAIT_MS": "4000",
            "LOG_LEVEL": "debug",
            **self.env,
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "watcher", *arguments]

    def once(self, *arguments: str, **env: str) -> Once:
        done = subprocess.run(
            self.command(*(arguments or ("--once",))),
            cwd=self.project.root.parent,
            env={**self.environment, **env},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert CANARY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return Once(done.returncode, parse(done.stderr), done.stdout, done.stderr)

    def settle(self) -> None:
        """Its first cycle, which brings the jobs up: a copy of one, after the first time."""
        self.project.settle_by(lambda: self.once().ended(0, "changed"))

    def start(self, **env: str) -> "Watcher":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.project.root.parent,
                env={**self.environment, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def events(self) -> list[Event]:
        return parse(self.log.read_text(encoding="utf-8", errors="replace"))

    def cycles(self) -> list[Event]:
        return [e for e in self.events if e["event"] == "cycle.done"]

    def wait_for(self, what: str, found: Callable[[Event], bool], after: int = 0, timeout: float = 240) -> Event:
        """The first event of the log, from number `after` on, for which `found` holds."""

        def look() -> Event | None:
            assert self.process is not None
            match = next((e for e in self.events[after:] if found(e)), None)
            assert match or self.process.poll() is None, self.log.read_text()
            return match

        try:
            event: Event = wait_until(look, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-4000:]}") from None
        return event

    def wait_cycle(self, outcome: str, after: int = 0, timeout: float = 240) -> Event:
        """The end of a cycle with that outcome."""
        return self.wait_for(
            f"a cycle that ends {outcome}",
            lambda e: e["event"] == "cycle.done" and e["outcome"] == outcome,
            after,
            timeout,
        )

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 60) -> int:
        """Ends it and returns its exit code."""
        assert self.process is not None
        self.send(number)
        return self.process.wait(timeout)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # -- what it leaves behind

    def get(self, path: str) -> requests.Response:
        started = self.wait_for("its start", lambda e: e["event"] == "watcher.started")
        return requests.get(f"http://{started['http']}{path}", timeout=5)

    @property
    def state(self) -> Path:
        return self.project.root / ".state" / ".pulumi"

    @property
    def checkpoint(self) -> Path:
        return self.state / "stacks" / "dkron-jobs" / "dev.json"

    def locks(self) -> list[Path]:
        folder = self.state / "locks" / "organization" / "dkron-jobs" / "dev"
        return sorted(folder.glob("*.json")) if folder.exists() else []


def engine_pid(root: Path) -> int | None:
    """The pid of the `pulumi up` that works on the project: the leader of its session."""
    for pid, command in processes_of(root).items():
        with contextlib.suppress(OSError):
            if " up --yes " in command and os.getsid(pid) == pid:
                return pid
    return None


def watched_project(pulumi: Path, root: Path, url: str, *names: str) -> Project:
    """A project with small jobs of these names and without a stack."""
    project = Project(root, pulumi, url)
    lay_program(root)
    project.env = {"GATEWAY_URL": "http://127.0.0.1:5461", "SERVICE_KEY": CANARY}
    if names:
        project.declare(*shell_jobs(*names))
    return project


def is_up(dkron: Dkron, *names: str) -> bool:
    return set(names) <= set(dkron.jobs())
