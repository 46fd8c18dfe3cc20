"""What one run may delete and overwrite: the names that the watcher judged in a preview. Pure.

The watcher writes them to a file before it starts `pulumi up`, and the provider refuses everything else in that run,
because the program may have changed since the preview. It must not decide what is allowed; the watcher's guard does.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

# Set by the watcher for its runs: a bad declaration then fails at that job's create or update, not in check, where it
# would end the engine's run for all jobs.
DEFER_CHECKS: Final = "DKRON_JOBS_DEFER_CHECKS"
# The environment variable with the path of the file.
LIMITS_VARIABLE: Final = "DKRON_JOBS_LIMITS"


@dataclass(frozen=True, slots=True)
class Limits:
    """`deletes`: the jobs that may be deleted. `updates`: the existing jobs that may be overwritten, None for any; a
    create of a job that exists and differs overwrites it. `run`: the token of the run."""

    deletes: frozenset[str]
    updates: frozenset[str] | None = None
    run: str = ""

    def to_json(self) -> str:
        """The text of the file."""
        updates = None if self.updates is None else sorted(self.updates)
        return json.dumps({"deletes": sorted(self.deletes), "updates": updates, "creates": None, "run": self.run})

    def against_delete(self, name: str) -> str | None:
        """Why the job may not be deleted in this run, one line; None if it may."""
        return None if name in self.deletes else _refusal(name, "deleted")

    def against_overwrite(self, name: str) -> str | None:
        """Why the existing job may not be overwritten in this run, one line; None if it may."""
        return None if self.updates is None or name in self.updates else _refusal(name, "overwritten")


def parse(text: str) -> Limits:
    """The limits in the text of the file. Raises ValueError for anything else."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - of the text, not of an argument
    updates = values.get("updates")
    return Limits(
        deletes=_names(values.get("deletes")),
        updates=None if updates is None else _names(updates),
        run=str(values.get("run") or ""),
    )


def _names(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("no list of names")
    return frozenset(value)


def _refusal(name: str, done: str) -> str:
    return f'job "{name}" would be {done}, which was not in the preview that was judged; the next run judges anew'
