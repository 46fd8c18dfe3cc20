"""Scheduled jobs of a Dkron cluster, declared in Python: the public names of the package.

`JobSpec` with `http`, `shell`, `plugin`, `secret` and `setting` are plain data. `Job` is the Pulumi resource, and loads
Pulumi; the checks load the grammar of schedules. So those are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .job.executors import Executor, http, plugin, shell
from .job.references import secret, setting
from .job.spec import JobSpec
from .job.stacks import only_in, per_stack
from .job.tags import ALL_NODES

if TYPE_CHECKING:
    from .job.names import check_name, check_timezone
    from .job.validation import check_job, warnings_for
    from .resource import Job

__all__ = [
    "ALL_NODES",
    "Executor",
    "Job",
    "JobSpec",
    "check_job",
    "check_name",
    "check_timezone",
    "http",
    "only_in",
    "per_stack",
    "plugin",
    "secret",
    "setting",
    "shell",
    "warnings_for",
]

_LATER: Final = {
    "Job": ".resource",
    "check_job": ".job.validation",
    "warnings_for": ".job.validation",
    "check_name": ".job.names",
    "check_timezone": ".job.names",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(_LATER[name], __name__), name)
