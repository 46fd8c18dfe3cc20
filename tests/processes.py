"""The processes that a test's project left behind: known by their working directory, so that no stranger's is taken."""

import contextlib
import os
import signal
from pathlib import Path


def processes_of(root: Path) -> dict[int, str]:
    """pid -> command line of every process whose working directory is in `root`."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(root):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def end_processes_of(root: Path) -> None:
    """Kills them all."""
    for pid in processes_of(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
