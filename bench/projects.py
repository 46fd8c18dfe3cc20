"""The tools, a Dkron, and the two Pulumi programs that are measured, in temporary folders, run as the watcher does."""

import compileall
import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import requests

from bench.measure import BenchError, Run, run
from dev.agent import AgentFailed, start_agent
from dev.say import ROOT
from dev.tools import Tool, choose_dkron, choose_pulumi, stand_in, version
from provider.settings import KEYS, environment_name
from watcher.pulumi.cli import run_environment
from watcher.recovery.copies import keep_no_logs
from watcher.setting_table import TABLE

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
OURS_ALONE = ("PULUMI_", "DKRON_", "BENCH_", "COV_")


class Tools(NamedTuple):
    """The two programs: the real ones where they are here, else the stand-ins."""

    pulumi: Tool
    dkron: Tool

    def described(self) -> dict[str, dict[str, str]]:
        """What they are, without where they lie: {"dkron": {"kind": "real", "version": "4.0.9"}}."""
        return {
            name: {"kind": "sandbox" if tool.sandbox else "real", "version": version([str(tool.path), "version"])}
            for name, tool in (("pulumi", self.pulumi), ("dkron", self.dkron))
        }


def find_tools(sandbox: bool) -> Tools:
    """As `make up` chooses them; but no container."""
    if sandbox:
        os.environ["SANDBOX"] = "1"
    return Tools(choose_pulumi(), choose_dkron() or stand_in("dkron", "none on PATH"))


class Server(NamedTuple):
    """A running Dkron."""

    url: str

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Every job, by name."""
        answer = requests.get(f"{self.url}/v1/jobs", timeout=TIMEOUT_S)
        answer.raise_for_status()
        return {str(job["name"]): job for job in answer.json()}

    def change_by_hand(self, name: str) -> None:
        """A person's own POST of the job with another display name."""
        body = {**self.jobs()[name], "displayname": f"changed by hand, {time.monotonic()}"}
        requests.post(f"{self.url}/v1/jobs", json=body, timeout=TIMEOUT_S).raise_for_status()


@contextlib.contextmanager
def serving(tools: Tools, folder: Path) -> Iterator[Server]:
    """A Dkron with its own data under `folder`, gone at the end. Raises BenchError if it doesn't start."""
    agent = start_agent(tools.dkron.path, folder / "data")
    try:
        agent.wait_until_it_serves()
        yield Server(agent.url)
    except AgentFailed as error:
        raise BenchError("dkron did not start", str(error)) from None
    finally:
        agent.stop()


def our_settings(dkron_url: str) -> dict[str, str]:
    """What our program needs, by the environment, as the watcher's container gets it."""
    return {"DKRON_URL": dkron_url, "GATEWAY_URL": GATEWAY_URL, "SERVICE_KEY": SERVICE_KEY}


def clean_environment() -> dict[str, str]:
    """Our environment without any setting of the program, the watcher, the CLI or the benchmark."""
    settings = {*map(environment_name, KEYS), *(row.name for row in TABLE), *our_settings("")}
    settings |= {f"{name}_FILE" for name in settings}
    return {k: v for k, v in os.environ.items() if k not in settings and not k.startswith(OURS_ALONE)}


class Project:
    """A Pulumi program in a folder of its own, with a state and a home. `environment` is its watcher's, too."""

    def __init__(self, root: Path, tools: Tools, sources: Iterable[Path], settings: Mapping[str, str]) -> None:
        self.root, self.pulumi = root, tools.pulumi.path
        own = {
            "PATH": f"{self.pulumi.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_HOME": str(root / ".home"),
            "PULUMI_BACKEND_URL": f"file://{root / '.state'}",
            "PULUMI_LOGS": "off",
            "HEALTH_ADDR": "127.0.0.1:0",
        }
        self.environment = run_environment({**clean_environment(), **own, **settings})
        (root / ".state").mkdir(parents=True)
        (root / ".venv").symlink_to(ROOT / ".venv")
        keep_no_logs(root / ".home")
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, root / source.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, root)

    def add_stack(self) -> None:
        """And a first run, so that nothing is compiled during a measurement."""
        for folder in self.root.glob("[a-z]*/"):
            compileall.compile_dir(folder, quiet=1)
        run("stack init", [self.pulumi, "stack", "init", STACK, "--non-interactive"], self.root, self.environment)
        self.run("first run", "preview", {"BENCH_JOBS": "0"})

    def run(self, what: str, command: str, env: Mapping[str, str]) -> Run:
        """One command of the CLI. Raises BenchError if it fails."""
        arguments = [str(self.pulumi), command, *COMMANDS[command], "--non-interactive", "--stack", STACK]
        return run(what, arguments, self.root, {**self.environment, **env})


def our_project(root: Path, tools: Tools, dkron_url: str) -> Project:
    """This project and its watcher, with the benchmark's declarations in the place of the others."""
    sources = [ROOT / name for name in ("__main__.py", "Pulumi.yaml", "provider", "jobs", "watcher")]
    project = Project(root, tools, sources, our_settings(dkron_url))
    for module in (root / "jobs").glob("[a-z]*.py"):
        module.unlink()
    shutil.copy2(ROOT / "bench" / "declared.py", root / "jobs")
    project.add_stack()
    return project


def floor_project(root: Path, tools: Tools) -> Project:
    """The program with resources that do nothing."""
    project = Project(root, tools, (ROOT / "bench" / "floor").glob("[!.]*.*"), {})
    project.add_stack()
    return project


def changes(output: str) -> dict[str, int]:
    """The counts of changed resources in what a preview, an up or a destroy printed: {"create": 9}. No "same"."""
    ends = [line for line in output.splitlines() if '"summaryEvent"' in line]
    counts = json.loads(ends[-1])["summaryEvent"]["resourceChanges"] if ends else json.loads(output)["changeSummary"]
    return {operation: count for operation, count in counts.items() if operation not in ("same", "refresh")}
