"""What the watcher tells one run: which jobs it may delete and overwrite, and which fields it doesn't compare. Pure.

The watcher writes it to a file before it starts `pulumi`. In an `up` the provider refuses what was not judged in the
preview, because the program may have changed since. It must not decide what is allowed; the watcher's guard does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Set by the watcher for its runs: a bad declaration then fails at that job's create or update, not in check, where it
# would end the engine's run for all jobs.
DEFER_CHECKS: Final = "DKRON_JOBS_DEFER_CHECKS"
# The environment variable with the path of the file.
LIMITS_VARIABLE: Final = "DKRON_JOBS_LIMITS"


@dataclass(frozen=True, slots=True)
class Limits:
    """`deletes`: the jobs that may be deleted. `updates`: the existing jobs that may be overwritten, None for any; a
    create of a job that exists and differs overwrites it. `run`: the token of the run. `unkept`: job -> path -> print
    of the fields that Dkron doesn't keep as written (see the module `unkept`)."""

    deletes: frozenset[str]
    updates: frozenset[str] | None = None
    run: str = ""
    unkept: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the file."""
        updates = None if self.updates is None else sorted(self.updates)
        told = {"deletes": sorted(self.deletes), "updates": updates, "run": self.run, "unkept": self.unkept}
        return json.dumps(told)

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
        unkept=_unkept(values.get("unkept") or {}),
    )


def _names(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("no list of names")
    return frozenset(value)


def _unkept(value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict) or not all(isinstance(paths, dict) for paths in value.values()):
        raise ValueError("no fields by job")
    return {job: {path: str(print_) for path, print_ in paths.items()} for job, paths in value.items()}


def _refusal(name: str, done: str) -> str:
    return f'job "{name}" would be {done}, which was not in the preview that was judged; the next run judges anew'
