"""What the watcher tells one run: which jobs it may delete and overwrite, and which fields it doesn't compare.

The watcher writes it to a file before it starts `pulumi`. In an `up` the provider refuses what was not judged in the
preview, because the program may have changed since. It must not decide what is allowed; the watcher's guard does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import SettingsError

# Set by the watcher for its runs: a bad declaration then fails at that job's create or update, not in check, where it
# would end the engine's run for all jobs.
DEFER_CHECKS: Final = "DKRON_JOBS_DEFER_CHECKS"
# The environment variable with the path of the file.
LIMITS_VARIABLE: Final = "DKRON_JOBS_LIMITS"


@dataclass(frozen=True, slots=True)
class Limits:
    """`deletes`: the jobs that may be deleted. `updates`: the existing jobs that may be overwritten; a create of a job
    that exists and differs overwrites it. `unkept`: job -> path -> print of the fields that Dkron doesn't keep as
    written (see the module `unkept`)."""

    deletes: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    unkept: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps({"deletes": sorted(self.deletes), "updates": sorted(self.updates), "unkept": self.unkept})

    def against_delete(self, name: str) -> str | None:
        """Why the job may not be deleted in this run, one line; None if it may."""
        return None if name in self.deletes else _refusal(name, "deleted")

    def against_overwrite(self, name: str) -> str | None:
        """Why the existing job may not be overwritten in this run, one line; None if it may."""
        return None if name in self.updates else _refusal(name, "overwritten")


def parse(text: str) -> Limits:
    """The limits in the text of the file. Raises ValueError for anything else."""
    try:
        values = json.loads(text)
        unkept = {job: dict(paths) for job, paths in values.get("unkept", {}).items()}
        return Limits(_names(values["deletes"]), _names(values["updates"]), unkept)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not what the watcher writes: {error}") from None


def told(env: Mapping[str, str]) -> Limits | None:
    """What the watcher allows this run, None where no watcher runs it. Raises SettingsError."""
    path = env.get(LIMITS_VARIABLE)
    if not path:
        return None
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError([f"{LIMITS_VARIABLE}: cannot read {path}: {reason}"]) from None


def _names(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("no list of names")
    return frozenset(value)


def _refusal(name: str, done: str) -> str:
    return f'job "{name}" would be {done}, which was not in the preview that was judged; the next run judges anew'
