"""A job as the API takes, stores and shows it: a plain dict with all of the API's fields, its dates as instants.

Decides what is accepted (recorded: http.json c, d, e, f); it stores nothing. Whether a schedule, a name or a time zone
is valid is asked of the provider's pure modules; the tests hold the answers to the recordings.
"""

import functools
import json
import re
from collections.abc import Callable
from typing import Any, Final

from provider import schedule
from provider.job.names import check_name, check_timezone
from provider.schedule.moments import duration
from provider.schedule.text import as_sent

from . import instants

Job = dict[str, Any]

_TEXTS: Final = (
    "name", "displayname", "timezone", "schedule", "owner", "owner_email", "parent_job", "executor", "status", "id",
    "concurrency",
)  # fmt: skip
_FLAGS: Final = ("disabled", "ephemeral")
_COUNTERS: Final = ("success_count", "error_count")
_MAPS: Final = ("tags", "metadata", "executor_config")
_DATES: Final = ("last_success", "last_error", "starts_at", "expires_at")
_MEMORY = re.compile(r"\s*(\d+\.?\d*|\.\d+)(?:B|BYTES|([KMGT])B?)?\s*", re.ASCII | re.IGNORECASE)
_BLANKS: Final = " \t\r\n"  # what may stand before the first JSON value


class Refused(ValueError):
    """Answered with 400 and these words."""


class Panic(Exception):
    """Dkron's handler dies: 500 with an empty body."""


def blank() -> Job:
    """A job without a word in it, as an upsert fills it up."""
    return {
        **dict.fromkeys(_TEXTS, ""),
        **dict.fromkeys(_FLAGS, False),
        **dict.fromkeys(_COUNTERS, 0),
        **dict.fromkeys((*_MAPS, *_DATES, "processors", "dependent_jobs")),
        "retries": 0,
        "next": instants.NEVER,
        "concurrency": "allow",
    }


# -- reading a request -----------------------------------------------------------------------------------------------
# An object of the JSON text is a tuple of pairs, because repeated keys are merged; an array is a list.


def _text(value: Any, _before: Any = None) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return as_sent(value)


def _flag(value: Any, _before: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _number(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise TypeError(f"a whole number from {least} to {most}")
    return value


def _counter(value: Any, _before: Any) -> int:
    return _number(value, -(2**63), 2**63 - 1)


def _retries(value: Any, _before: Any) -> int:
    return _number(value, 0, 2**64 - 1)


def _date(value: Any, _before: Any) -> int:
    return instants.parse(_text(value))


def _texts(value: Any, _before: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("a list of texts")
    return ["" if item is None else _text(item) for item in value]


def _map(value: Any, before: Any) -> dict[str, str]:
    if not isinstance(value, tuple):
        raise TypeError("an object of texts")
    return {**(before or {}), **{as_sent(key): "" if item is None else _text(item) for key, item in value}}


def _processors(value: Any, before: Any) -> dict[str, Any]:
    if not isinstance(value, tuple):
        raise TypeError("an object of objects")
    return {**(before or {}), **{as_sent(key): None if item is None else _map(item, None) for key, item in value}}


_READERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_COUNTERS, _counter),
    **dict.fromkeys(_MAPS, _map),
    **dict.fromkeys((*_DATES, "next"), _date),
    "retries": _retries,
    "processors": _processors,
    "dependent_jobs": _texts,
}
_NULLABLE: Final = (*_MAPS, *_DATES, "processors", "dependent_jobs")


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_no_constant)


def parse(body: bytes) -> Job:
    """The job of a request's body: its first JSON value, whatever follows. Raises Refused."""
    job = blank()
    try:
        value, _end = _DECODER.raw_decode(body.decode(errors="replace").lstrip(_BLANKS))
    except RecursionError:
        raise Refused("Unable to parse payload: nested too deep.") from None
    except ValueError as error:
        raise Refused(f"Unable to parse payload: {error}.") from None
    if value is None:
        return job
    if not isinstance(value, tuple):
        raise Refused("Unable to parse payload: a job is an object.")
    for key, item in value:
        _set(job, key.lower(), item)
    return job


def _set(job: Job, name: str, value: Any) -> None:
    if name not in _READERS:
        return
    if value is None:
        job[name] = None if name in _NULLABLE else job[name]
        return
    try:
        job[name] = _READERS[name](value, job[name])
    except TypeError as error:
        raise Refused(f"Unable to parse payload: Job.{name} must be {error}.") from None
    except ValueError as error:
        raise Refused(f"Unable to parse payload: Job.{name}: {error}.") from None


# -- judging it ------------------------------------------------------------------------------------------------------


def validate(job: Job) -> None:
    """Raises Refused with the first fault (the order is recorded: ea2-ea4), or Panic."""
    problem = check_name(job["name"]) or _problem(job)
    if problem:
        raise Refused(f"Job validation failed: {problem}.")


@functools.lru_cache(maxsize=4096)
def _parsed(text: str, name: str) -> schedule.Schedule:
    return schedule.parse(text, name)


def rule(job: Job) -> schedule.Schedule:
    """The job's schedule, parsed. Raises schedule.ScheduleError. Its name counts only where "~" stands for it."""
    text = job["schedule"]
    return _parsed(text, job["name"] if "~" in text else "")


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
    limit = config.get("mem_limit", "")
    size = _MEMORY.fullmatch(limit)
    if limit and (size is None or not 0 < _bytes(float(size[1]), size[2] or "") < 2**63):
        return "Error parsing job memory limit value"
    return None


def _bytes(number: float, unit: str) -> int:
    return int(number * 1024 ** " KMGT".find(unit.upper() or " "))


# -- keeping and showing it ------------------------------------------------------------------------------------------


def as_stored(job: Job) -> Job:
    """What is kept of a job: 32-bit numbers, no empty maps."""
    stored = dict(job, id=job["name"])
    for name in (*_MAPS, "dependent_jobs"):
        stored[name] = stored[name] or None
    stored["processors"] = {name: config or {} for name, config in (stored["processors"] or {}).items()}
    stored["retries"] %= 2**32
    for name in _COUNTERS:
        stored[name] = (stored[name] + 2**31) % 2**32 - 2**31
    return stored


def as_shown(job: Job) -> dict[str, Any] | None:
    """The job as the API shows it; None when one of its dates can't be written (recorded: p03)."""
    dates = {name: instants.show(job[name]) for name in (*_DATES, "next") if job[name] is not None}
    return None if None in dates.values() else job | dates
