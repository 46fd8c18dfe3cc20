"""The tools, a Dkron, and the two Pulumi programs that are measured, in temporary folders, run as the watcher does."""

import compileall
import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from bench.measure import Run, run
from dev.agent import start_agent
from dev.say import ROOT
from dev.tools import Tool, choose_dkron, choose_pulumi, stand_in
from watcher.pulumi.cli import run_environment
from watcher.recovery.copies import keep_no_logs

TIMEOUT_S = 60.0
# Preview and up are the watcher's own command lines; a test holds that.
COMMANDS = {
    "preview": ["--json", "--refresh", "--run-program"],
    "up": ["--yes", "--skip-preview", "--refresh", "--run-program", "--continue-on-error", "--json"],
    "destroy": ["--yes", "--skip-preview", "--continue-on-error", "--json"],
}
PROJECT = "dkron-jobs"  # as Pulumi.yaml names it
STACK = "dev"
GATEWAY_URL = "http://127.0.0.1:5461"
SERVICE_KEY = "bench-service-key"
FROM_THE_SHELL = ("PATH", "HOME", "LANG", "TMPDIR")
Tools = dict[str, Tool]  # "pulumi" and "dkron"


def find_tools(sandbox: bool) -> Tools:
    """As `make up` chooses them, but no container."""
    if sandbox:
        os.environ["SANDBOX"] = "1"
    return {"pulumi": choose_pulumi(), "dkron": choose_dkron() or stand_in("dkron", "none on PATH")}


def jobs_of(dkron_url: str) -> dict[str, dict[str, Any]]:
    """Every job, by name."""
    answer = requests.get(f"{dkron_url}/v1/jobs", timeout=TIMEOUT_S)
    answer.raise_for_status()
    return {str(job["name"]): job for job in answer.json()}


def change_by_hand(dkron_url: str, name: str) -> None:
    """A person's own POST of the job with another display name."""
    body = {**jobs_of(dkron_url)[name], "displayname": f"changed by hand, {time.monotonic()}"}
    requests.post(f"{dkron_url}/v1/jobs", json=body, timeout=TIMEOUT_S).raise_for_status()


@contextlib.contextmanager
def serving(tools: Tools, folder: Path) -> Iterator[str]:
    """The address of a Dkron with its data in `folder`, gone at the end. Raises AgentFailed if it doesn't start."""
    agent = start_agent(tools["dkron"].path, folder)
    try:
        agent.wait_until_it_serves()
        yield agent.url
    finally:
        agent.stop()


def clean_environment() -> dict[str, str]:
    """Our environment without any setting of the program, the watcher, the CLI or the benchmark."""
    return {name: os.environ[name] for name in FROM_THE_SHELL if name in os.environ}


class Project:
    """A Pulumi program that lies in a folder, with a state, a home and a stack. `environment` is its watcher's, too."""

    def __init__(self, root: Path, tools: Tools, settings: Mapping[str, str]) -> None:
        """Runs it once, without jobs, so that nothing is compiled during a measurement."""
        self.root, self.pulumi = root, tools["pulumi"].path
        own = {
            "PATH": f"{self.pulumi.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_HOME": str(root / ".home"),
            "PULUMI_BACKEND_URL": f"file://{root / '.state'}",
            "PULUMI_LOGS": "off",
            "HEALTH_ADDR": "127.0.0.1:0",
        }
        self.environment = run_environment({**clean_environment(), **own, **settings})
        (root / ".state").mkdir()
        (root / ".venv").symlink_to(ROOT / ".venv")
        keep_no_logs(root / ".home")
        compileall.compile_dir(root, quiet=1)
        run("stack init", [self.pulumi, "stack", "init", STACK, "--non-interactive"], root, self.environment)
        self.run("first run", "preview", {"BENCH_JOBS": "0"})

    def run(self, what: str, command: str, env: Mapping[str, str]) -> Run:
        """One command of the CLI. Raises BenchError if it fails."""
        arguments = [str(self.pulumi), command, *COMMANDS[command], "--non-interactive", "--stack", STACK]
        return run(what, arguments, self.root, {**self.environment, **env})


def our_project(root: Path, tools: Tools, dkron_url: str, settings: Mapping[str, str] | None = None) -> Project:
    """This project and its watcher, with the benchmark's declarations in the place of the others."""
    for name in ("provider", "jobs", "watcher"):
        shutil.copytree(ROOT / name, root / name)
    for module in (root / "jobs").glob("[a-z]*.py"):
        module.unlink()
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy2(ROOT / name, root)
    shutil.copy2(ROOT / "bench" / "declared.py", root / "jobs")
    needed = {"DKRON_URL": dkron_url, "GATEWAY_URL": GATEWAY_URL, "SERVICE_KEY": SERVICE_KEY}
    return Project(root, tools, {**needed, **(settings or {})})


def floor_project(root: Path, tools: Tools) -> Project:
    """The program with resources that do nothing."""
    shutil.copytree(ROOT / "bench" / "floor", root)
    return Project(root, tools, {})


def changes(output: str) -> dict[str, int]:
    """The counts of changed resources in what a preview, an up or a destroy printed: {"create": 9}. No "same"."""
    ends = [line for line in output.splitlines() if '"summaryEvent"' in line]
    counts = json.loads(ends[-1])["summaryEvent"]["resourceChanges"] if ends else json.loads(output)["changeSummary"]
    return {operation: count for operation, count in counts.items() if operation not in ("same", "refresh")}
