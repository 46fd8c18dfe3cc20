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
from pathlib import Path

from .errors import CliError
from .project import Project

GRACE = 5.0  # seconds between the interrupt and the kill of a program that must go, as in the real language host
OnLine = Callable[[str, str], None]  # severity ("info", "info#err"), one line


class Child:
    """A running child process whose output is passed on line by line."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], on_line: OnLine) -> None:
        if not Path(command[0]).exists():
            raise CliError(f"the project's Python {command[0]} doesn't exist; make its virtual environment first")
        self._on_line = on_line
        self.muted = False
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._readers = [threading.Thread(target=self._read, args=("info#err",), daemon=True)]
        self._readers[0].start()

    def first_line(self) -> str:
        """The first line of standard output, "" if the process ends before it; the rest is passed on."""
        stdout = self._process.stdout
        line = stdout.readline() if stdout else ""
        self.pass_output_on()
        return line.strip()

    def pass_output_on(self) -> None:
        reader = threading.Thread(target=self._read, args=("info",), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _read(self, severity: str) -> None:
        stream = self._process.stdout if severity == "info" else self._process.stderr
        if stream:
            with stream:
                for line in stream:
                    if not self.muted:
                        self._on_line(severity, line)

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, None if it still runs after `timeout` seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        for reader in self._readers:
            reader.join(1.0)
        return code

    def stop(self) -> None:
        """Interrupts it, and kills it when that is not enough."""
        self.muted = True
        if self._signal(signal.SIGINT) and self.wait(GRACE) is None:
            self.kill()

    def kill(self) -> None:
        self.muted = True
        if self._signal(signal.SIGKILL):
            self.wait()

    def _signal(self, number: signal.Signals) -> bool:
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return False
            return True
        return False


def environment(project: Project, **more: str) -> dict[str, str]:
    """What a child sees: our environment with the project's virtual environment first on PATH."""
    found = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    found["PATH"] = f"{Path(project.python).parent}{os.pathsep}{found.get('PATH', os.defpath)}"
    return found | more


def start_provider(project: Project, on_line: OnLine) -> tuple[Child, str]:
    """The dynamic provider's process and its address."""
    command = [project.python, "-u", "-m", "pulumi.dynamic"]
    child = Child(command, project.program, environment(project, PULUMI_PROJECT=project.name), on_line)
    port = child.first_line()
    if not port.isdigit():
        child.kill()
        raise CliError("the provider process (python -m pulumi.dynamic) ended before it said its port")
    return child, f"127.0.0.1:{port}"


def start_program(project: Project, arguments: list[str], more: dict[str, str], on_line: OnLine) -> Child:
    """The Pulumi program, run by run_program.py in the project's Python."""
    # -P: this folder's modules must not become importable under their bare names in the program.
    runner = str(Path(__file__).with_name("run_program.py"))
    command = [project.python, "-u", "-P", runner, *arguments, str(project.program)]
    child = Child(command, project.program, environment(project, **more), on_line)
    child.pass_output_on()
    return child
