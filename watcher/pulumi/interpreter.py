"""Is the program's Python whole? Asked where a run failed for a reason that isn't the program's or Dkron's.

Pulumi's own words for it name no way out, or there are none at all. It mends nothing.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from watcher.clock import Control
from watcher.pulumi import child
from watcher.pulumi.child import Command

LIMIT_S = 30.0
WAY_OUT = "make it again (`make setup`, or `pulumi install`); the watcher goes on by itself"


def fault(virtualenv: Path | None, cwd: Path, env: Mapping[str, str], control: Control) -> str:
    """What is wrong with the virtual environment, one line; "" if nothing is, or there is none."""
    if virtualenv is None:
        return ""
    python = virtualenv / "bin" / "python"
    if not os.access(python, os.X_OK):
        return f"the virtual environment {virtualenv.name} has no Python that can be started: {WAY_OUT}"
    run = child.run(Command("python", [str(python), "-c", "import pulumi"], cwd, env, LIMIT_S), control)
    if run.ok or run.stopped:
        return ""
    said = (run.stderr.strip().splitlines() or [f"exit code {run.code}"])[-1]
    return f"the virtual environment {virtualenv.name} can't load Pulumi's SDK ({said}): {WAY_OUT}"
