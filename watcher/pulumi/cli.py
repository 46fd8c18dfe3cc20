"""The commands of `pulumi` that the watcher runs, and their environment. `child` starts and ends them.

Secrets reach it by the environment alone. It decides nothing about what a run means.
"""

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from watcher.clock import Control
from watcher.pulumi import child
from watcher.pulumi.child import Command, Finished
from watcher.secrets import NOT_FOR_RUNS

NEEDED_S = 30.0

# The runs' own environment. Checkpoints after every step are quadratic; a lost one costs nothing, `create` adopts.
# The two legacy settings spare two requests to the provider for each job that is as declared: its diff of the live
# inputs with the recorded ones, and of those with the declared ones where they are equal. Where they differ it is
# asked all the same, and `read` gives the same as inputs and as outputs, so nothing is missed.
CHILD_ENV = {
    "PULUMI_ENABLE_LEGACY_REFRESH_DIFF": "true",
    "PULUMI_ENABLE_LEGACY_DIFF": "true",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": "16",
    "DKRON_JOBS_DEFER_CHECKS": "1",
    "NO_COLOR": "1",
}
# What the watcher's own environment may say otherwise: a run lasts seconds, so its engine need not collect so often.
CHILD_DEFAULTS = {"GOGC": "200"}


def run_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run, given the watcher's."""
    return {**CHILD_DEFAULTS, **{k: v for k, v in env.items() if k not in NOT_FOR_RUNS}, **CHILD_ENV}


def needed_keys(program_dir: Path, env: Mapping[str, str]) -> dict[str, bool]:
    """The config keys that the program's declarations refer to, and whether as secrets; none if they can't be had."""
    command = [sys.executable, "-m", "provider.needed"]
    try:
        found = json.loads(child.output(command, program_dir, run_environment(env), NEEDED_S))
        return {str(key): bool(secret) for key, secret in found.items()}
    except (ValueError, AttributeError):
        return {}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: one run's limit, and how long a stop waits for the operation in hand."""

    run_s: float
    grace_s: float


@dataclass(frozen=True, slots=True)
class Scoped:
    """What a run is about: the URNs in `targets`, or everything if there are none; without those in `spared`."""

    targets: Collection[str] = ()
    spared: Collection[str] = ()

    @property
    def options(self) -> list[str]:
        """As the CLI takes them."""
        targeted = [f"--target={urn}" for urn in sorted(self.targets)]
        # The CLI takes no run with both, and what is not targeted is left alone.
        return targeted or [f"--exclude={urn}" for urn in sorted(self.spared)]


EVERYTHING = Scoped()


class PulumiCli:
    """Runs `pulumi` on one stack of a program. `on_start(token, pid)` hears of each run before and after its start."""

    def __init__(
        self,
        program_dir: Path,
        stack: str,
        env: Mapping[str, str],
        limits: Limits,
        control: Control,
    ) -> None:
        self.program_dir, self.stack, self.limits, self.control = program_dir, stack, limits, control
        self.env = env
        self.on_start: Callable[[str, int | None], None] = lambda _token, _pid: None
        self.on_event: Callable[[str], None] | None = None
        # What each run finds in its environment besides: where the declarations of this cycle are.
        self.handed: Mapping[str, str] = {}
        self.keep_open: tuple[int, ...] = ()

    # -- commands

    def preview(self, told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        """What an up would change, refreshed. Writes nothing, takes no lock, and so may be cut short.

        `told`: what the program and the provider find in their environment besides; `scoped`: what it is about.
        """
        args = ["preview", "--json", "--refresh", "--run-program", "--non-interactive", *scoped.options]
        return self._run(args, interruptible=True, told=told)

    def up(self, message: str = "", told: Mapping[str, str] | None = None, scoped: Scoped = EVERYTHING) -> Finished:
        """`message`: what the stack's history says of this run; the others as for `preview`."""
        args = ["up", "--yes", "--skip-preview", "--non-interactive", "--refresh", "--run-program"]
        args += ["--continue-on-error", "--json", *(["--message", message] if message else []), *scoped.options]
        return self._run(args, on_line=self.on_event, told=told)

    def create_stack(self) -> Finished:
        """Leaves the stack that a person has selected as it is."""
        return self._run(["stack", "init", self.stack, "--no-select", "--non-interactive"], name_stack=False)

    def list_stacks(self) -> Finished:
        return self._run(["stack", "ls", "--json", "--non-interactive"], name_stack=False)

    def cancel(self) -> Finished:
        """Removes every lock of the stack: only for locks that are all proved dead."""
        return self._run(["cancel", "--yes", "--non-interactive"])

    def export_stack(self) -> Finished:
        return self._run(["stack", "export"])

    def import_stack(self, file: Path) -> Finished:
        return self._run(["stack", "import", "--file", str(file)])

    def repair_state(self) -> Finished:
        """Pulumi's own repair: it reorders resources and drops links that lead nowhere."""
        return self._run(["state", "repair", "--yes", "--non-interactive"])

    def destroy_preview(self) -> Finished:
        """What a destroy would do, by the state alone: neither the program runs nor Dkron is asked. Writes nothing."""
        args = ["destroy", "--preview-only", "--refresh=false", "--json", "--non-interactive"]
        return self._run(args, interruptible=True)

    def config_value(self, key: str) -> Finished:
        """One value of the stack's config, decrypted, on stdout."""
        return self._run(["config", "get", key], interruptible=True)

    # -- one process

    def _run(
        self,
        args: Sequence[str],
        *,
        interruptible: bool = False,
        name_stack: bool = True,
        on_line: Callable[[str], None] | None = None,
        told: Mapping[str, str] | None = None,
    ) -> Finished:
        argv = ["pulumi", *args, *(["--stack", self.stack] if name_stack else [])]
        command = Command(
            args[0],
            argv,
            self.program_dir,
            {**run_environment(self.env), **self.handed, **(told or {})},
            self.limits.run_s,
            0.0 if interruptible else self.limits.grace_s,
            on_line,
            self.keep_open,
        )
        return child.run(command, self.control, self.on_start)
