"""The project's formatter over a generated module, where it is installed. The only place here that starts a program."""

import subprocess
import sys
from pathlib import Path
from shutil import which

TIME_LIMIT_S = 60


def tidy(text: str) -> str:
    """The text as `ruff format` gives it; unchanged without ruff, or where it fails."""
    beside = Path(sys.executable).parent / "ruff"
    ruff = str(beside) if beside.is_file() else which("ruff")
    if ruff is None:
        return text
    try:
        done = subprocess.run(
            [ruff, "format", "--quiet", "--stdin-filename", "jobs/imported.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return text
    return done.stdout if done.returncode == 0 else text
