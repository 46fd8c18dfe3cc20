"""Is this job one that Dkron takes, and that then does what it says? Every problem at once, as (property, reason).

Needs no network. It refuses what Dkron refuses (verdicts as recorded), and what Dkron takes and then misbehaves on.
What is only likely to be a mistake is a warning. A value that isn't known yet passes. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..schedule import ScheduleError, parse
from ..schedule.moments import utc_time
from . import lifetime
from .executor_checks import executor_problems, executor_warnings
from .names import check_name, check_timezone
from .ownership import owner_tag
from .spec import (
    DEFAULTS,
    FLAG_FIELDS,
    MAP_FIELDS,
    TEXT_FIELDS,
    TIME_FIELDS,
    UNKNOWN,
    canonical,
)

__all__ = ["check_job", "check_name", "check_timezone", "parent_cycle", "warnings_for"]

Problem = tuple[str, str]

MAX_RETRIES: Final = 2**32 - 1  # stored as 32 bits: 4294967297 becomes 1 (recorded: e53, e54)
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_job(values: Mapping[str, Any]) -> list[Problem]:
    """Every problem of a job's inputs (any form that `canonical` takes), as (property, reason); empty if it is fine."""
    job = {**DEFAULTS, **canonical(values)}
    problems = [
        ("", f"{key} is no field of a Dkron job") for key in values if key not in DEFAULTS and key != "__provider"
    ]
    for problem in _kind_problems(job):
        problems.append(problem)
        # What is of the wrong kind can't be judged any further.
        job = {**job, problem[0].split(".")[0]: UNKNOWN}
    for check in (_name, _schedule, _timezone, _concurrency, _retries, _parent, _times, _executor, _owner):
        problems.extend(check(job))
    return problems


def _kind_problems(job: Mapping[str, Any]) -> Iterator[Problem]:
    """What is of the wrong kind; Dkron's answer would be "Unable to parse payload"."""
    for name in ("name", "concurrency", *TEXT_FIELDS):
        yield from _text_problems(name, job[name])
    for name in FLAG_FIELDS:
        if not isinstance(job[name], bool) and job[name] != UNKNOWN:
            yield name, f"must be true or false, not {job[name]!r}"
    for name in TIME_FIELDS:
        if job[name] is not None:
            yield from _text_problems(name, job[name])
    for name in MAP_FIELDS:
        yield from _map_problems(name, job[name])
    processors = job["processors"]
    if isinstance(processors, Mapping):
        for key, config in processors.items():
            yield from _text_problems("processors", key)
            yield from _map_problems(f"processors.{key}", config)
    elif processors != UNKNOWN:
        yield "processors", "must be a map from a processor's name to its config"


def _text_problems(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, f"must be text, not {type(value).__name__}"
    elif _SURROGATE.search(value):
        yield path, "holds half of a surrogate pair, which is no character"


def _map_problems(path: str, value: Any) -> Iterator[Problem]:
    if value == UNKNOWN:
        return
    if not isinstance(value, Mapping):
        yield path, "must be a map from text to text"
        return
    for key, item in value.items():
        yield from _text_problems(path, key)
        yield from _text_problems(f"{path}.{key}", item)


def _name(job: Mapping[str, Any]) -> Iterator[Problem]:
    reason = None if job["name"] == UNKNOWN else check_name(job["name"])
    if reason:
        yield "name", reason


def _schedule(job: Mapping[str, Any]) -> Iterator[Problem]:
    schedule, name = job["schedule"], job["name"]
    if UNKNOWN in (schedule, name):
        return
    if not schedule:
        if not job["parent_job"]:
            yield "schedule", "is empty; only a job with a parent_job may do without one"
        return
    try:
        parse(schedule, name)
    except ScheduleError as error:
        yield "schedule", str(error)
        return
    if schedule.startswith("@at ") and utc_time(schedule.removeprefix("@at ")) is None:
        yield (
            "schedule",
            f"{schedule} lies outside the years 0 to 9999 in UTC, which would empty Dkron's whole job list",
        )


def _timezone(job: Mapping[str, Any]) -> Iterator[Problem]:
    reason = None if job["timezone"] == UNKNOWN else check_timezone(job["timezone"])
    if reason:
        yield "timezone", reason


def _concurrency(job: Mapping[str, Any]) -> Iterator[Problem]:
    if job["concurrency"] not in ("allow", "forbid", UNKNOWN):
        yield "concurrency", f'must be "allow" or "forbid", not "{job["concurrency"]}"'


def _retries(job: Mapping[str, Any]) -> Iterator[Problem]:
    retries = job["retries"]
    if retries == UNKNOWN:
        return
    if isinstance(retries, bool) or not isinstance(retries, int):
        yield "retries", f"must be a whole number, not {retries!r}"
    elif not 0 <= retries <= MAX_RETRIES:
        yield "retries", f"must be between 0 and {MAX_RETRIES}, not {retries}"


def _parent(job: Mapping[str, Any]) -> Iterator[Problem]:
    if job["parent_job"] not in ("", UNKNOWN) and job["parent_job"] == job["name"]:
        yield "parent_job", "a job cannot have itself as parent"


def _times(job: Mapping[str, Any]) -> Iterator[Problem]:
    for name in TIME_FIELDS:
        value = job[name]
        if value is not None and value != UNKNOWN and utc_time(value) is None:
            yield (
                name,
                f'"{value}" must be a date such as 2030-01-02T03:04:05Z, in the years 0 to 9999 in UTC '
                "(outside them it would empty Dkron's whole job list)",
            )


def _executor(job: Mapping[str, Any]) -> Iterator[Problem]:
    config = job["executor_config"]
    if config == UNKNOWN:
        return
    if job["executor"] in ("", UNKNOWN):
        if not job["executor"]:
            yield "executor", "is missing: say what to run, with http(...), shell(...) or plugin(...)"
        return
    for option, reason in executor_problems(job["executor"], config):
        yield f"executor_config.{option}", reason


def _owner(job: Mapping[str, Any]) -> Iterator[Problem]:
    metadata = job["metadata"]
    if metadata != UNKNOWN and owner_tag(job) is None:
        yield "metadata.managed_by", "is missing: without our owner tag the job could not be told from a stranger's"


def warnings_for(values: Mapping[str, Any]) -> list[str]:
    """What is likely to be a mistake in a job, one line each; none for a job that `check_job` refuses."""
    job = {**DEFAULTS, **canonical(values)}
    warnings: list[str] = []
    if any(_kind_problems(job)):
        return []
    if job["schedule"] and UNKNOWN not in (job["schedule"], job["name"], job["timezone"]):
        try:
            warnings += parse(job["schedule"], job["name"]).warnings(job["timezone"])
        except ScheduleError:
            return []
    if job["executor_config"] != UNKNOWN:
        warnings += executor_warnings(job["executor"], job["executor_config"])
    warnings += lifetime.warnings(job)
    starts, expires = job["starts_at"], job["expires_at"]
    # Canonical dates sort as text, without their closing Z.
    if starts and expires and UNKNOWN not in (starts, expires) and starts.rstrip("Z") >= expires.rstrip("Z"):
        warnings.append(f"expires_at {expires} is not after starts_at {starts}: the job will never run")
    return warnings


def parent_cycle(name: str, parents: Mapping[str, str]) -> list[str] | None:
    """The cycle of parents that `name` is in, as names from it back to it; None if there is none.

    Dkron takes a cycle of two or more, and then none of its jobs can be deleted (recorded: f04-f13).
    """
    path = [name]
    while (parent := parents.get(path[-1], "")) and parent != UNKNOWN:
        if parent == name:
            return [*path, name]
        if parent in path:
            return None
        path.append(parent)
    return None
