"""One job's fields: what Dkron lets a user set, their defaults, and the one canonical form that everything compares.

Both edges are untidy: Pulumi hands integers over as floats and drops None, Dkron answers null for an empty map and
another spelling of a date. `canonical` maps either to the same sparse dict: known fields only, each normalised, those
equal to Dkron's default left out (an upsert resets an omitted field, so absent and default are one). Pure and total: a
value of the wrong kind is kept as it is, for `validate` to refuse.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from ..schedule.moments import utc_time
from .executors import Executor
from .references import Reference, Text

# Stands for a value that is known only after the run (a preview of an output of another resource).
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

TEXT_FIELDS: Final = (
    "displayname", "timezone", "schedule", "owner", "owner_email", "parent_job", "executor",
)  # fmt: skip
FLAG_FIELDS: Final = ("disabled", "ephemeral")
MAP_FIELDS: Final = ("tags", "metadata", "executor_config")
TIME_FIELDS: Final = ("starts_at", "expires_at")

# Every field that Dkron 4.0.9 lets a user set, with the value that an upsert without it gives (recorded: c01-c20, d05).
DEFAULTS: Final[Mapping[str, Any]] = {
    "name": "", "displayname": "", "timezone": "", "schedule": "", "owner": "", "owner_email": "", "disabled": False,
    "tags": {}, "metadata": {}, "retries": 0, "parent_job": "", "processors": {}, "concurrency": "allow",
    "executor": "", "executor_config": {}, "ephemeral": False, "starts_at": None, "expires_at": None,
}  # fmt: skip
MANAGED_FIELDS: Final = tuple(DEFAULTS)
# What Dkron's JSON has besides and sets itself.
COUNTERS: Final = frozenset(
    {"success_count", "error_count", "last_success", "last_error", "next", "status", "dependent_jobs"}
)
SERVER_FIELDS: Final = COUNTERS | {"id"}

_HERE = __file__.rpartition("/job/")[0]


def _declared_at() -> str:
    """Where the declaration stands: the first caller outside this package and outside private helpers, as file:line."""
    frame = sys._getframe(1)  # noqa: SLF001 - the inspect module does the same, and costs an import of 10 ms
    while frame.f_back is not None:
        path = frame.f_code.co_filename
        own = path.startswith((_HERE, "<")) or path.rpartition("/")[2].startswith("_")
        if not own:
            break
        frame = frame.f_back
    directory, _, name = frame.f_code.co_filename.rpartition("/")
    return f"{directory.rpartition('/')[2]}/{name}:{frame.f_lineno}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One declared job: plain data, every field that Dkron lets a user set.

    `executor` is what a builder of `provider.job.executors` gives, or a name with `executor_config` beside it.
    `schedule` is six fields (seconds first) or a descriptor; it may be empty for a child (`parent_job`). `tags` choose
    the nodes that run the job (`{"dc": "dc1:1"}` is one node; without tags the stack's default holds, else EVERY node
    runs it; `ALL_NODES` means that). `starts_at` and `expires_at` are RFC 3339 with an offset. Texts may hold
    references to the stack's config (`references`), and any field may differ by stack (`per_stack`). `stacks`: those in
    which the job is declared, such as `only_in("prod")`; all if left out. `accept`: codes of warnings that are meant;
    Dkron never sees them.
    """

    name: str
    schedule: Text = ""
    displayname: Text = ""
    timezone: Text = ""
    owner: Text = ""
    owner_email: Text = ""
    disabled: bool | Reference = False
    tags: Mapping[str, Text] = field(default_factory=dict)
    metadata: Mapping[str, Text] = field(default_factory=dict)
    retries: int | Reference = 0
    parent_job: Text = ""
    processors: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)
    concurrency: Text = "allow"
    executor: Text | Executor = ""
    executor_config: Mapping[str, Text] = field(default_factory=dict)
    ephemeral: bool | Reference = False
    starts_at: Text | None = None
    expires_at: Text | None = None
    stacks: Collection[str] = ()
    accept: Collection[str] = ()
    declared_at: str = field(default_factory=_declared_at, compare=False, repr=False)

    def inputs(self) -> dict[str, Any]:
        """The declared fields that aren't Dkron's default, references unresolved."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name in DEFAULTS}
        if isinstance(self.executor, Executor):
            values["executor"] = self.executor.name
            values["executor_config"] = {**self.executor.config, **self.executor_config}
        return {k: v for k, v in values.items() if k == "name" or v != DEFAULTS[k]}


def _text(value: Any) -> Any:
    return "" if value is None else value


def _flag(value: Any) -> Any:
    return False if value is None else value


def _number(value: Any) -> Any:
    """Integers come from Pulumi as floats: 2.0 is 2."""
    if value is None:
        return 0
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _map_value(value: Any) -> Any:
    """Dkron's maps hold strings only (recorded: e59-e71); null is stored as "" there (e62)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    value = _number(value)
    return str(value) if isinstance(value, int | float) else value


def _map(value: Any) -> Any:
    if value is None:
        return {}
    return {k: _map_value(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _processors(value: Any) -> Any:
    if value is None:
        return {}
    return {k: _map(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _concurrency(value: Any) -> Any:
    """Empty is stored as empty and behaves like allow (recorded: c21, sched-concurrency-empty)."""
    return value or "allow"


def _time(value: Any) -> Any:
    """A date as Dkron gives it back, in UTC; what can't be read as one is kept."""
    if isinstance(value, datetime):
        value = value.isoformat()
    return (utc_time(value) or value) if isinstance(value, str) else value


_NORMALISERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _text, "retries": _number, "processors": _processors, "concurrency": _concurrency,
    **dict.fromkeys(TEXT_FIELDS, _text), **dict.fromkeys(FLAG_FIELDS, _flag),
    **dict.fromkeys(MAP_FIELDS, _map), **dict.fromkeys(TIME_FIELDS, _time),
}  # fmt: skip


def canonical(values: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical form of a job, from Pulumi's properties or from Dkron's JSON; server fields are dropped."""
    result: dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        if name not in values:
            continue
        value = values[name]
        if value != UNKNOWN:
            value = _NORMALISERS[name](value)
        # `0 == False` and `1 == True`: compare kinds too, so that a wrong kind is kept and refused.
        if name == "name" or value != default or type(value) is not type(default):
            result[name] = value
    return result


def changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The managed fields that differ, in Dkron's order; either side in any form that `canonical` takes."""
    left, right = canonical(old), canonical(new)
    return [name for name, default in DEFAULTS.items() if left.get(name, default) != right.get(name, default)]


def unknown_fields(live: Mapping[str, Any]) -> dict[str, Any]:
    """What a live job has of fields that only another version of Dkron knows."""
    known = SERVER_FIELDS.union(DEFAULTS)
    return {name: value for name, value in live.items() if name not in known and value is not None}


def to_dkron(values: Mapping[str, Any], live: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON of a POST: every managed field, so that nothing is left to a default. No server field, ever: Dkron
    stores those that a client sends (recorded: c11-c16, f17-f26).

    `live`: the job that is replaced. What it has of unknown fields is sent along, or the upsert would reset it.
    """
    return {**unknown_fields(live or {}), **DEFAULTS, **canonical(values)}
