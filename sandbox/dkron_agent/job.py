"""A job as the API takes, stores and shows it: a plain dict with all of the API's fields, its dates as instants.

Decides what is accepted (recorded: http.json c, d, e, f); it stores nothing. Whether a schedule, a name or a time zone
is valid is asked of the provider's pure modules; the tests hold the answers to the recordings.
"""

import json
from typing import Any, Final

from provider import schedule
from provider.job import shell_executor
from provider.job.names import check_name, check_timezone
from provider.job.spec import FLAG_FIELDS, MAP_FIELDS, TEXT_FIELDS, TIME_FIELDS
from provider.schedule.moments import duration
from provider.schedule.text import as_sent

from . import instants

Job = dict[str, Any]

_TEXTS: Final = ("name", *TEXT_FIELDS, "status", "id", "concurrency")
_COUNTERS: Final = ("success_count", "error_count")
_DATES: Final = ("last_success", "last_error", *TIME_FIELDS)
_NULLABLE: Final = (*MAP_FIELDS, *_DATES, "processors", "dependent_jobs")


class Refused(ValueError):
    """Answered with 400 and these words."""


class Panic(Exception):
    """Dkron's handler dies: 500 with an empty body."""


_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(FLAG_FIELDS, "true or false"),
    **dict.fromkeys(_COUNTERS, "whole number"),
    **dict.fromkeys(MAP_FIELDS, "map of texts"),
    **dict.fromkeys((*_DATES, "next"), "date"),
    "retries": "whole number from 0",
    "processors": "map of maps",
    "dependent_jobs": "list of texts",
}
_EMPTY: Final = {"text": "", "true or false": False, "whole number": 0, "whole number from 0": 0}


def blank() -> Job:
    """A job without a word in it, as an upsert fills it up."""
    job = {name: _EMPTY.get(kind) for name, kind in _KINDS.items()}
    return job | {"next": instants.NEVER, "concurrency": "allow"}


def _read(kind: str, value: Any, before: Any = None) -> Any:
    """A value of the JSON text, where an object is a tuple of pairs and an array a list. Raises ValueError."""
    match kind, value:
        case "text", str():
            return as_sent(value)
        case "true or false", bool():
            return value
        case "whole number", int() if not isinstance(value, bool) and -(2**63) <= value < 2**63:
            return value
        case "whole number from 0", int() if not isinstance(value, bool) and 0 <= value < 2**64:
            return value
        case "date", str():
            return instants.parse(as_sent(value))
        case "list of texts", list():
            return [_read("text", "" if item is None else item) for item in value]
        case "map of texts", tuple():
            texts = {as_sent(key): _read("text", "" if item is None else item) for key, item in value}
            return (before or {}) | texts
        case "map of maps", tuple():
            maps = {as_sent(key): _read("map of texts", () if item is None else item) for key, item in value}
            return (before or {}) | maps
    raise ValueError(f"must be a {kind}")


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_no_constant)


def parse(body: bytes) -> Job:
    """The job of a request's body: its first JSON value, whatever follows. Raises Refused."""
    job = blank()
    try:
        value, _end = _DECODER.raw_decode(body.decode(errors="replace").lstrip(" \t\r\n"))
    except (RecursionError, ValueError) as error:
        raise Refused(f"Unable to parse payload: {error}.") from None
    if not isinstance(value, tuple | None):
        raise Refused("Unable to parse payload: a job is an object.")
    for key, item in value or ():
        _set(job, key.lower(), item)
    return job


def _set(job: Job, name: str, value: Any) -> None:
    """Repeated maps are merged; null empties what can be empty and leaves the rest as it is."""
    if value is None and name in _NULLABLE:
        job[name] = None
    elif value is not None and name in _KINDS:
        try:
            job[name] = _read(_KINDS[name], value, job[name])
        except ValueError as error:
            raise Refused(f"Unable to parse payload: Job.{name}: {error}.") from None


def validate(job: Job) -> None:
    """Raises Refused with the first fault (the order is recorded: ea2-ea4), or Panic."""
    problem = check_name(job["name"]) or _problem(job)
    if problem:
        raise Refused(f"Job validation failed: {problem}.")


def rule(job: Job) -> schedule.Schedule:
    """The job's schedule, parsed. Raises schedule.ScheduleError."""
    return schedule.parse(job["schedule"], job["name"])


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
    return check_timezone(job["timezone"]) or _shell_problem(job)


def _shell_problem(job: Job) -> str | None:
    """The only two options of an executor that are looked at (recorded: e39-e47)."""
    config = job["executor_config"] or {}
    if job["executor"] != "shell":
        return None
    try:
        duration(config.get("timeout") or "0")
    except ValueError:
        return "Error parsing job timeout value"
    if "mem_limit" in dict(shell_executor.problems(config)):
        return "Error parsing job memory limit value"
    return None


def as_stored(job: Job) -> Job:
    """What is kept of a job: 32-bit numbers, no empty maps."""
    stored = dict(job, id=job["name"])
    for name in (*MAP_FIELDS, "dependent_jobs"):
        stored[name] = stored[name] or None
    stored["processors"] = stored["processors"] or {}
    stored["retries"] %= 2**32
    for name in _COUNTERS:
        stored[name] = (stored[name] + 2**31) % 2**32 - 2**31
    return stored


def as_shown(job: Job) -> dict[str, Any] | None:
    """The job as the API shows it; None when one of its dates can't be written (recorded: p03)."""
    dates = {name: instants.show(job[name]) for name in (*_DATES, "next") if job[name] is not None}
    return None if None in dates.values() else job | dates
