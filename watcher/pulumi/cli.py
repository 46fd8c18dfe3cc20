"""The only module that starts `pulumi`: a session of its own, a time limit, an end that leaves no process behind.

Secrets reach it by the environment alone. What it prints is kept private in `Finished`: whoever shows a line of it
redacts that first. It decides nothing about what a run means.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from watcher.clock import Clock, Control
from watcher.pulumi import processes
from watcher.secrets import NOT_FOR_RUNS

POLL_S = 0.1
LONGEST_OUTPUT = 256 * 1024 * 1024  # bytes; a preview of 1000 jobs has about 5 MB
NO_STACK = 6  # the exit code of every command on a stack that isn't there
STOP_SHARE = 0.5  # of the grace: after that the engine is asked to end, too

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
        done = subprocess.run(
            command, cwd=program_dir, env=run_environment(env), capture_output=True, timeout=30, check=True
        )
        return {str(key): bool(secret) for key, secret in json.loads(done.stdout).items()}
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
        return {}


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that ended. `code` is None if it couldn't be started, negative for a signal. Output is unredacted."""

    command: str
    code: int | None
    seconds: float
    stdout: str = field(repr=False, default="")
    stderr: str = field(repr=False, default="")
    timed_out: bool = False
    stopped: bool = False
    orphans: int = 0

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def no_stack(self) -> bool:
        return self.code == NO_STACK

    @property
    def crashed(self) -> bool:
        """Whether it may have left a lock, pending operations or half a state."""
        return self.timed_out or self.code is None or self.code < 0 or self.orphans > 0


class _Sink(threading.Thread):
    """Reads a pipe to its end, so that the child never blocks on it."""

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        super().__init__(daemon=True)
        self.pipe, self.on_line = pipe, on_line
        self.chunks: list[bytes] = []
        self.size = 0
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError):
            for line in self.pipe:
                if self.size < LONGEST_OUTPUT:
                    self.chunks.append(line)
                    self.size += len(line)
                if self.on_line is not None:
                    self.on_line(line.decode("utf-8", "replace"))

    def text(self) -> str:
        self.join(timeout=5)
        with suppress(OSError):
            self.pipe.close()
        return b"".join(self.chunks).decode("utf-8", "replace")


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
        self.clock: Clock = control.clock
        self.env = env
        self.on_start: Callable[[str, int | None], None] = lambda _token, _pid: None
        self.on_event: Callable[[str], None] | None = None
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
        token = secrets.token_hex(8)
        argv = ["pulumi", *args, *(["--stack", self.stack] if name_stack else [])]
        started = self.clock.monotonic()
        self.on_start(token, None)
        try:
            child = subprocess.Popen(
                argv,
                cwd=self.program_dir,
                env={**run_environment(self.env), **(told or {}), processes.TOKEN: token},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=self.keep_open,
            )
        except OSError as error:
            why = f"cannot start pulumi: {error.strerror or error}; is it on PATH?"
            return Finished(args[0], None, self.clock.monotonic() - started, stderr=why)
        self.on_start(token, child.pid)
        assert child.stdout is not None
        assert child.stderr is not None
        out, err = _Sink(child.stdout, on_line), _Sink(child.stderr, None)
        timed_out, stopped = self._await(child, started, interruptible)
        orphans = self._clean_up(child, token)
        code = child.returncode
        seconds = self.clock.monotonic() - started
        return Finished(args[0], code, seconds, out.text(), err.text(), timed_out, stopped, orphans)

    def _await(self, child: subprocess.Popen[bytes], started: float, interruptible: bool) -> tuple[bool, bool]:
        """Waits for the end, the time limit, or a stop. Returns (timed out, stopped)."""
        asked = False
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(POLL_S)
                return False, asked
            now = self.clock.monotonic()
            if now - started >= self.limits.run_s:
                return True, asked
            if self.control.stopping:
                waited = now - (self.control.stop_at or now)
                if interruptible or waited >= self.limits.grace_s:
                    return False, True
                if not asked and waited >= self.limits.grace_s * STOP_SHARE:
                    # Calls in flight finish, the state is written, the lock released.
                    asked = True
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)

    def _clean_up(self, child: subprocess.Popen[bytes], token: str) -> int:
        """Ends what is left of the run. Returns how many processes outlived a leader that failed."""
        ended = child.poll() is not None
        left = processes.end_runs([token], None if ended else child.pid)
        if not ended:
            child.kill()
        child.wait()
        return left if ended and child.returncode != 0 else 0
