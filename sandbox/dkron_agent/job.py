"""A job as Dkron's API takes, stores and shows it: plain dicts in the API's field order.

Stands in for Dkron's decoding of a job and for its validation, with its words (recorded: http.json c, d, e, f). It
stores nothing. What is valid as a schedule, a name or a time zone is asked of the provider's pure modules.
"""

import functools
from typing import Any, Final

from provider import schedule
from provider.job.names_letters import LOWER_CASE
from provider.schedule.zones import zone_problem

from . import durations, gojson, gotime
from .gojson import Pairs

Job = dict[str, Any]

# Every field in the order of the API, with the kind of its value.
FIELDS: Final[dict[str, str]] = {
    "id": "string",
    "name": "string",
    "displayname": "string",
    "timezone": "string",
    "schedule": "string",
    "owner": "string",
    "owner_email": "string",
    "success_count": "int",
    "error_count": "int",
    "last_success": "time?",
    "last_error": "time?",
    "disabled": "bool",
    "tags": "map[string]string",
    "metadata": "map[string]string",
    "retries": "uint",
    "dependent_jobs": "[]string",
    "parent_job": "string",
    "processors": "map[string]plugin.Config",
    "concurrency": "string",
    "executor": "string",
    "executor_config": "plugin.ExecutorPluginConfig",
    "status": "string",
    "next": "time",
    "ephemeral": "bool",
    "starts_at": "time?",
    "expires_at": "time?",
}
TIMES: Final = tuple(name for name, kind in FIELDS.items() if kind.startswith("time"))
_MAPS: Final = ("tags", "metadata", "executor_config")
_EMPTY: Final[dict[str, Any]] = {"string": "", "int": 0, "uint": 0, "bool": False, "time": gotime.ZERO}
_BITS: Final = {"uint": (0, 2**64), "int": (-(2**63), 2**63)}


class Refused(ValueError):
    """Dkron answers 400 with these words."""


class Panic(Exception):
    """Dkron's handler dies: 500 with an empty body."""


def blank() -> Job:
    return {name: _EMPTY.get(kind) for name, kind in FIELDS.items()} | {"concurrency": "allow"}


def parse(body: bytes) -> Job:
    """The job of a request, as the answer will echo it. Raises Refused ("Unable to parse payload: ...")."""
    job = blank()
    try:
        value = gojson.decode(body)
        if value is None:
            return job
        _fill(job, value)
    except (gojson.JsonError, gotime.TimeSyntax, Refused) as error:
        raise Refused(f"Unable to parse payload: {error}.") from None
    return job


def _fill(job: Job, pairs: Any) -> None:
    if not isinstance(pairs, Pairs):
        raise Refused(f"json: cannot unmarshal {gojson.kind(pairs)} into Go value of type dkron.Job")
    first: list[Refused] = []  # a wrong kind is told only when the rest has been read
    for key, value in pairs:
        name = key if key in FIELDS else key.lower()
        if name not in FIELDS:
            continue
        kind = FIELDS[name]
        if kind.startswith("time"):
            job[name] = _time(value, job[name], kind)
        elif value is None:
            job[name] = None if kind.startswith(("map", "[]", "plugin")) else job[name]
        else:
            try:
                job[name] = _decode(name, kind, value, job[name])
            except Refused as error:
                first.append(error)
    if first:
        raise first[0]


def _time(value: Any, before: Any, kind: str) -> Any:
    if value is None:
        return before if kind == "time" else None
    if gojson.kind(value) != "string":
        raise gotime.TimeSyntax("Time.UnmarshalJSON: input is not a JSON string")
    return gotime.parse(value) if kind == "time" else gotime.parse_loose(value)


def _wrong(value: Any, name: str, kind: str, detail: str = "") -> Refused:
    return Refused(
        f"json: cannot unmarshal {gojson.kind(value)}{detail} into Go struct field Job.{name} of type {kind}"
    )


def _decode(name: str, kind: str, value: Any, before: Any) -> Any:
    found = gojson.kind(value)
    if kind in _BITS and found == "number":
        low, high = _BITS[kind]
        signed = kind == "uint" and value.startswith("-")
        if signed or not value.lstrip("-").isdigit() or not low <= int(value) < high:
            raise _wrong(value, name, kind, f" {value}")
        return int(value)
    if kind in ("string", "bool") and found == kind:
        return value
    if kind == "[]string" and found == "array":
        return [_text(name, item) for item in value]
    if kind in ("map[string]string", "plugin.ExecutorPluginConfig", "plugin.Config") and found == "object":
        return {**(before or {}), **{key: _text(name, item) for key, item in value}}
    if kind == "map[string]plugin.Config" and found == "object":
        inner = {key: None if item is None else _decode(name, "plugin.Config", item, None) for key, item in value}
        return {**(before or {}), **inner}
    raise _wrong(value, name, kind)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if gojson.kind(value) != "string":
        raise _wrong(value, name, "string")
    return str(value)


def validate(job: Job) -> None:
    """Raises Refused with the first fault (the order is recorded: ea2-ea4), or Panic."""
    problem = _name_problem(job["name"]) or _problem(job)
    if problem:
        raise Refused(f"Job validation failed: {problem}.")


@functools.lru_cache(maxsize=4096)
def _parsed(text: str, name: str) -> schedule.Schedule:
    return schedule.parse(text, name)


def rule(job: Job) -> schedule.Schedule:
    """The job's schedule, parsed. Raises schedule.ScheduleError. Its name counts only where "~" stands for it."""
    text = job["schedule"]
    return _parsed(text, job["name"] if "~" in text else "")


def _name_problem(name: str) -> str | None:
    if not name:
        return "name cannot be empty"
    bad = next((char for char in name if char not in LOWER_CASE and char not in "0123456789_-"), None)
    return None if bad is None else f"name contains illegal character '{bad}'"


def _problem(job: Job) -> str | None:
    if job["parent_job"] == job["name"]:
        return "the job can not have itself as parent"
    text = job["schedule"]
    if text or not job["parent_job"]:
        if text.startswith(("TZ=", "CRON_TZ=")) and " " not in text:
            raise Panic  # recorded: ea5
        try:
            rule(job)
        except schedule.ScheduleError as error:
            return f"can't parse job schedule: {error.reason}"
    if job["concurrency"] not in ("allow", "forbid", ""):
        return 'invalid concurrency policy value, use "allow" or "forbid"'
    return zone_problem(job["timezone"]) or _shell_problem(job)


def _shell_problem(job: Job) -> str | None:
    config = job["executor_config"] or {}
    if job["executor"] != "shell":
        return None
    if config.get("timeout") and durations.parse(config["timeout"]) is None:
        return "Error parsing job timeout value"
    try:
        durations.memory(config.get("mem_limit", ""))
    except ValueError as error:
        return f"Error parsing job memory limit value: {error}"
    return None


def as_stored(job: Job) -> Job:
    """What Dkron keeps of a job: 32-bit numbers, no empty maps, times in UTC."""
    stored = dict(job, id=job["name"])
    for name in (*_MAPS, "dependent_jobs"):
        stored[name] = stored[name] or None
    stored["processors"] = {name: config or {} for name, config in (stored["processors"] or {}).items()}
    stored["retries"] %= 2**32
    for name in ("success_count", "error_count"):
        stored[name] = (stored[name] + 2**31) % 2**32 - 2**31
    for name in TIMES:
        if stored[name] is not None:
            stored[name] = gotime.GoTime(stored[name].ns)
    return stored


def plain(job: Job) -> dict[str, Any] | None:
    """The job as the API shows it; None when Dkron could not write one of its times (recorded: p03)."""
    shown = dict(job)
    for name in TIMES:
        if shown[name] is not None:
            shown[name] = shown[name].text()
            if shown[name] is None:
                return None
    for name in (*_MAPS, "processors"):
        if shown[name]:
            shown[name] = dict(sorted(shown[name].items()))
    if shown["processors"]:
        shown["processors"] = {k: v and dict(sorted(v.items())) for k, v in shown["processors"].items()}
    return shown
