"""The project's formatter over a generated module, where it is installed."""

import sys
from pathlib import Path
from shutil import which

from commands.programs import run


def tidy(text: str) -> str:
    """The text as `ruff format` gives it; unchanged without ruff, or where it fails."""
    beside = Path(sys.executable).parent / "ruff"
    ruff = str(beside) if beside.is_file() else which("ruff")
    if ruff is None:
        return text
    done = run([ruff, "format", "--quiet", "--stdin-filename", "jobs/imported.py", "-"], text)
    return done.out if done.code == 0 else text
