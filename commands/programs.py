"""Starts other programs: the only place in the commands that does. It waits for them, and decides nothing."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

TIME_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, None where it could not be started or took too long, and what it printed."""

    code: int | None
    out: str = ""
    err: str = ""


def run(command: Sequence[str], given: str = "") -> Ended:
    """Runs a program to its end; `given` goes to its standard input, where no list of processes shows it."""
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except OSError as error:
        return Ended(None, err=error.strerror or str(error))
    except subprocess.TimeoutExpired:
        return Ended(None, err=f"took more than {TIME_LIMIT_S} s")
    return Ended(done.returncode, done.stdout, done.stderr)
