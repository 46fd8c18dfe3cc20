"""The watcher's only door to processes: a session of its own, a time limit, an end that leaves no process behind.

What a child prints is kept private in `Finished`: whoever shows a line of it redacts that first. It decides nothing
about what a run means.
"""

import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from watcher.clock import Control
from watcher.pulumi import processes
from watcher.pulumi.output import reason

POLL_S = 0.1
LONGEST_OUTPUT = 256 * 1024 * 1024  # bytes; a preview of 1000 jobs has about 5 MB
NO_STACK = 6  # the exit code of every `pulumi` command on a stack that isn't there
LONGEST_END_S = 5.0  # how long a killed child may take to be gone, and its pipes to be empty
STOP_SHARE = 0.5  # of the grace: after that the child is asked to end, too


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. `name`: how it is told; `limit_s`: its time limit; `grace_s`: how long a stop waits for its end.

    `on_line` hears each line of its output; `keep_open`: files that it inherits; `enough`: asked again and again, true
    ends it as if its time were up.
    """

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    limit_s: float
    grace_s: float = 0.0
    on_line: Callable[[str], None] | None = None
    keep_open: tuple[int, ...] = ()
    enough: Callable[[], bool] = lambda: False


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
    def why(self) -> str:
        """The line that says why it failed, unredacted, too."""
        return reason(self.stderr) or f"exit code {self.code}"

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
        with suppress(OSError, ValueError), self.pipe:
            for line in self.pipe:
                if self.size < LONGEST_OUTPUT:
                    self.chunks.append(line)
                    self.size += len(line)
                if self.on_line is not None:
                    self.on_line(line.decode("utf-8", "replace"))

    def text(self) -> str:
        self.join(LONGEST_END_S)
        return b"".join(self.chunks).decode("utf-8", "replace")


def run(
    command: Command, control: Control, on_start: Callable[[str, int | None], None] = lambda _token, _pid: None
) -> Finished:
    """Runs it to its end, its time limit or a stop. `on_start(token, pid)` hears of it before and after its start."""
    token = secrets.token_hex(8)
    started = control.clock.monotonic()
    on_start(token, None)
    try:
        child = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env={**command.env, processes.TOKEN: token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=command.keep_open,
        )
    except OSError as error:
        program = command.argv[0]
        why = f"cannot start {program}: {error.strerror or error}; is it on PATH?"
        return Finished(command.name, None, control.clock.monotonic() - started, stderr=why)
    on_start(token, child.pid)
    assert child.stdout is not None
    assert child.stderr is not None
    out, err = _Sink(child.stdout, command.on_line), _Sink(child.stderr, None)
    timed_out, stopped = _await(child, command, control)
    orphans = _clean_up(child, token)
    seconds = control.clock.monotonic() - started
    code = -signal.SIGKILL if child.returncode is None else child.returncode
    return Finished(command.name, code, seconds, out.text(), err.text(), timed_out, stopped, orphans)


def output(argv: Sequence[str], cwd: Path, env: Mapping[str, str], limit_s: float) -> str:
    """What a short command prints, "" if it fails in any way."""
    try:
        return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, timeout=limit_s, check=True).stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""


def _await(child: subprocess.Popen[bytes], command: Command, control: Control) -> tuple[bool, bool]:
    """Waits for the end, the time limit, or a stop. Returns (timed out, stopped)."""
    asked, started = False, control.clock.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLL_S)
            return False, asked
        now = control.clock.monotonic()
        if now - started >= command.limit_s or command.enough():
            return True, asked
        if control.stopping:
            waited = now - (control.stop_at or now)
            if waited >= command.grace_s:
                return False, True
            if not asked and waited >= command.grace_s * STOP_SHARE:
                # Calls in flight finish, the state is written, the lock released.
                asked = True
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGINT)


def _clean_up(child: subprocess.Popen[bytes], token: str) -> int:
    """Ends what is left of the run. Returns how many processes outlived a leader that failed."""
    ended = child.poll() is not None
    left = processes.end_runs([token], None if ended else child.pid)
    if not ended:
        child.kill()
    with suppress(subprocess.TimeoutExpired):  # a process that waits for its disk can't be killed
        child.wait(LONGEST_END_S)
    return left if ended and child.returncode != 0 else 0
