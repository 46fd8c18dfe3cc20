"""Child processes: the provider (`python -u -m pulumi.dynamic`) and the program, each in a process group of its own.

They stay in the session of the CLI, so that whoever started it can end them all by session. Their output becomes
diagnostics. What they're asked is provider.py's and monitor.py's affair.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .console import CliError
from .project import Project

OnLine = Callable[[str, str], None]  # "info", one line


class Child:
    """A running child process; its output is passed on line by line once asked to."""

    def __init__(self, project: Project, arguments: list[str], variables: dict[str, str]) -> None:
        if not Path(project.python).exists():
            raise CliError(f"the project's Python {project.python} doesn't exist; make its virtual environment first")
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
        inherited["PATH"] = f"{Path(project.python).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        self._process = subprocess.Popen(
            # -P: this folder's modules must not become importable under their bare names in the program.
            [project.python, "-u", "-P", str(Path(__file__).with_name("run_program.py")), *arguments],
            cwd=project.program,
            env=inherited | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._reader: threading.Thread | None = None

    def line(self) -> str:
        """Its next line, "" at the end of its output."""
        return self._process.stdout.readline() if self._process.stdout else ""

    def pass_output_on(self, on_line: OnLine) -> None:
        def read() -> None:
            while line := self.line():
                on_line("info", line)

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        """The exit code once all its output was passed on, None if it still runs after `timeout` seconds."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(timeout)
            if self._reader:
                self._reader.join(1.0)
            return code
        return None

    def kill(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def start_provider(project: Project, on_line: OnLine) -> tuple[Child, str]:
    """The dynamic provider's process and its address."""
    child = Child(project, ["pulumi.dynamic"], {"PULUMI_PROJECT": project.name})
    while line := child.line():
        if line.strip().isdigit():
            child.pass_output_on(on_line)
            return child, f"127.0.0.1:{line.strip()}"
        on_line("info", line)
    child.kill()
    raise CliError("the provider process (python -m pulumi.dynamic) ended before it said its port")


def start_program(project: Project, arguments: list[str], variables: dict[str, str], on_line: OnLine) -> Child:
    """The Pulumi program, run by run_program.py in the project's Python."""
    child = Child(project, [*arguments, str(project.program)], variables)
    child.pass_output_on(on_line)
    return child
