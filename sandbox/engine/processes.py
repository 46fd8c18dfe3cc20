"""Child processes: the provider (`python -u -m pulumi.dynamic`) and the program, each in a process group of its own.

They stay in the session of the CLI, so that whoever started it can end them all by session. Their output becomes
diagnostics. What they're asked is provider.py's and monitor.py's affair.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from .errors import CliError
from .project import Project

GRACE = 5.0  # seconds between the interrupt and the kill of a program that must go, as in the real language host
OnLine = Callable[[str, str], None]  # severity ("info", "info#err"), one line


class Child:
    """A running child process whose output is passed on line by line, standard output once asked to."""

    def __init__(self, project: Project, arguments: list[str], variables: dict[str, str], on_line: OnLine) -> None:
        if not Path(project.python).exists():
            raise CliError(f"the project's Python {project.python} doesn't exist; make its virtual environment first")
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
        inherited["PATH"] = f"{Path(project.python).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        self._on_line = on_line
        self.muted = False
        self.process = subprocess.Popen(
            [project.python, "-u", *arguments],
            cwd=project.program,
            env=inherited | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._readers: list[threading.Thread] = []
        self._pass_on("info#err", self.process.stderr)

    def pass_output_on(self) -> None:
        self._pass_on("info", self.process.stdout)

    def _pass_on(self, severity: str, stream: IO[str] | None) -> None:
        def read() -> None:
            for line in stream or ():
                if not self.muted:
                    self._on_line(severity, line)

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, None if it still runs after `timeout` seconds."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        for reader in self._readers:
            reader.join(1.0)
        return code

    def stop(self) -> None:
        """Interrupts it, and kills it when that is not enough."""
        self._signal(signal.SIGINT)
        if self.wait(GRACE) is None:
            self.kill()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.wait()

    def _signal(self, number: signal.Signals) -> None:
        self.muted = True
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


def start_provider(project: Project, on_line: OnLine) -> tuple[Child, str]:
    """The dynamic provider's process and its address."""
    child = Child(project, ["-m", "pulumi.dynamic"], {"PULUMI_PROJECT": project.name}, on_line)
    port = child.process.stdout.readline().strip() if child.process.stdout else ""
    child.pass_output_on()
    if not port.isdigit():
        child.kill()
        raise CliError("the provider process (python -m pulumi.dynamic) ended before it said its port")
    return child, f"127.0.0.1:{port}"


def start_program(project: Project, arguments: list[str], variables: dict[str, str], on_line: OnLine) -> Child:
    """The Pulumi program, run by run_program.py in the project's Python."""
    # -P: this folder's modules must not become importable under their bare names in the program.
    runner = str(Path(__file__).with_name("run_program.py"))
    child = Child(project, ["-P", runner, *arguments, str(project.program)], variables, on_line)
    child.pass_output_on()
    return child
