"""The two Pulumi programs that are measured, laid out in temporary folders, and the watcher's own command lines."""

import compileall
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.measure import Run, run
from dev.say import ROOT
from provider.settings import KEYS, environment_name
from watcher.clock import Control, SystemClock
from watcher.pulumi.cli import Finished, Limits, PulumiCli, run_environment
from watcher.settings import TABLE

PROGRAM = ("__main__.py", "Pulumi.yaml", "provider", "jobs")
FLOOR = ROOT / "bench" / "floor"
STACK = "dev"
GATEWAY_URL = "http://127.0.0.1:5461"
SERVICE_KEY = "bench-service-key"
DESTROY = ["destroy", "--yes", "--skip-preview", "--non-interactive", "--continue-on-error", "--json"]
OURS_ALONE = ("PULUMI_", "DKRON_", "BENCH_", "COV_")


class _ArgumentsOnly(PulumiCli):
    """A watcher's PulumiCli that starts nothing, and keeps what it would have started."""

    def _run(self, args: Sequence[str], **_options: Any) -> Finished:
        self.arguments = list(args)
        return Finished(args[0], 0, 0.0)


def commands() -> dict[str, list[str]]:
    """The arguments of `pulumi` by command: preview and up as the watcher gives them, and destroy."""
    clock = SystemClock()
    cli = _ArgumentsOnly(ROOT, STACK, {}, Limits(0, 0), Control(clock))
    clock.close()
    cli.preview()
    preview = cli.arguments
    cli.up()
    return {
        name: [*arguments, "--stack", STACK]
        for name, arguments in (("preview", preview), ("up", cli.arguments), ("destroy", DESTROY))
    }


def clean_environment() -> dict[str, str]:
    """Our environment without any setting of the program, the watcher, the CLI or the benchmark."""
    settings = {*map(environment_name, KEYS), *(row.name for row in TABLE)}
    settings |= {f"{name}_FILE" for name in settings}
    return {k: v for k, v in os.environ.items() if k not in settings and not k.startswith(OURS_ALONE)}


@dataclass
class Project:
    """A Pulumi program in a folder of its own, with its own state and home."""

    root: Path
    pulumi: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return run_environment(
            {
                **clean_environment(),
                "PULUMI_CONFIG_PASSPHRASE": "bench",
                "PULUMI_HOME": str(self.root / ".home"),
                "PULUMI_BACKEND_URL": f"file://{self.root / '.state'}",
                **self.settings,
            }
        )

    def run(self, arguments: Sequence[str], what: str, **env: str) -> Run:
        """One command of the CLI. Raises BenchError if it fails."""
        return checked(run([self.pulumi, *arguments], self.root, {**self.environment, **env}, what=what), what)

    def add_stack(self) -> None:
        self.run(["stack", "init", STACK, "--non-interactive"], "pulumi stack init")


def checked(done: Run, what: str) -> Run:
    """The run, if it ended well. Raises BenchError."""
    if done.code != 0:
        raise BenchError(f"{what}: ended with exit code {done.code}", done.stdout + done.stderr)
    return done


def _lay(root: Path) -> None:
    """What both have; and everything compiled, the modules of the provider's process, too."""
    compileall.compile_dir(root, quiet=1)
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / ".state").mkdir()


def our_settings(dkron_url: str) -> dict[str, str]:
    """What our program needs, by the environment, as the watcher's container gets it."""
    return {"DKRON_URL": dkron_url, "GATEWAY_URL": GATEWAY_URL, "SERVICE_KEY": SERVICE_KEY}


def lay_ours(root: Path) -> None:
    """Copies this project, with the benchmark's declarations in the place of the others."""
    root.mkdir(parents=True)
    for name in PROGRAM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy2(source, root / name)
    for module in (root / "jobs").glob("[a-z]*.py"):
        module.unlink()
    shutil.copy2(ROOT / "bench" / "declared.py", root / "jobs" / "declared.py")
    _lay(root)


def lay_floor(root: Path) -> None:
    """Copies the program with resources that do nothing."""
    shutil.copytree(FLOOR, root, ignore=shutil.ignore_patterns("__pycache__"))
    _lay(root)


def changes(output: str) -> dict[str, int]:
    """The counts of changed resources in the JSON of a preview, an up or a destroy: {"create": 9}. "same" is left out.

    A preview prints one object; the others one event a line, and the last with a summary counts.
    """
    counts: Any = None
    try:
        counts = json.loads(output)["changeSummary"]
    except (ValueError, KeyError, TypeError):
        for line in output.splitlines():
            if '"summaryEvent"' in line:
                counts = json.loads(line)["summaryEvent"].get("resourceChanges")
    if not isinstance(counts, dict):
        raise BenchError("pulumi told no counts of changes", output)
    return {operation: int(count) for operation, count in counts.items() if operation not in ("same", "refresh")}
