"""Is this job one that Dkron takes, and that then does what it says? Every problem at once, as (property, reason).

Needs no network. It refuses what Dkron refuses (verdicts as recorded), and what Dkron takes and then misbehaves on.
What is only likely to be a mistake is a warning. A value that isn't known yet passes. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ..schedule import ScheduleError, parse
from ..schedule.moments import moment, utc_time
from ..schedule.text import Refused
from ..schedule.words import one_line
from . import http_executor, shell_executor
from .advise import advise
from .hold import HOLD_KEYS
from .kinds import Problem, kind_problems
from .names import check_name, check_timezone
from .ownership import owner_tag
from .plugins import WINDOWS_SHELL
from .spec import DEFAULTS, TIME_FIELDS, UNKNOWN, canonical
from .tags import tag_problems

__all__ = ["Problem", "check_job", "check_name", "check_timezone", "parent_cycle", "warnings_for"]

MAX_RETRIES: Final = 2**32 - 1  # stored as 32 bits: 4294967297 becomes 1 (recorded: e53, e54)


def check_job(values: Mapping[str, Any]) -> list[Problem]:
    """Every problem of a job's inputs (any form that `canonical` takes), as (property, reason); empty if it is fine."""
    job = {**DEFAULTS, **canonical(values)}
    problems = [
        ("", f"{key} is no field of a Dkron job") for key in values if key not in DEFAULTS and key != "__provider"
    ]
    for problem in kind_problems(job):
        problems.append(problem)
        # What is of the wrong kind can't be judged any further.
        job = {**job, problem[0].split(".")[0]: UNKNOWN}
    for check in (_name, _schedule, _timezone, _concurrency, _retries, _parent, _times, _tags, _executor, _owner):
        problems.extend(check(job))
    return problems


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
            yield name, _no_date(value)


def _no_date(text: str) -> str:
    """Why Dkron takes no such date, and the one that was meant."""
    shown = one_line(text, 60)
    try:
        moment(text)
    except (Refused, UnicodeEncodeError):
        try:
            meant = datetime.fromisoformat(text)
        except ValueError:
            return f'"{shown}" must be a date such as 2030-01-02T03:04:05Z'
        zone = "" if meant.tzinfo else "Z"
        return f'"{shown}" is no date as Dkron reads them: write {meant.isoformat()}{zone}'
    return f'"{shown}" lies outside the years 0 to 9999 in UTC' + ", which would empty Dkron's whole job list"


def _tags(job: Mapping[str, Any]) -> Iterator[Problem]:
    if job["tags"] != UNKNOWN:
        yield from tag_problems(job["tags"])


def _executor(job: Mapping[str, Any]) -> Iterator[Problem]:
    config, executor = job["executor_config"], job["executor"]
    if config == UNKNOWN:
        return
    if not executor:
        yield "executor", "is missing: say what to run, with http(...), shell(...) or plugin(...)"
    check = {"http": http_executor.problems, "shell": shell_executor.problems, WINDOWS_SHELL: shell_executor.problems}
    if executor in check:
        for option, reason in check[executor](config):
            yield f"executor_config.{option}", reason


def _owner(job: Mapping[str, Any]) -> Iterator[Problem]:
    metadata = job["metadata"]
    if metadata != UNKNOWN and owner_tag(job) is None:
        yield "metadata.managed_by", "is missing: without our owner tag the job could not be told from a stranger's"
    for key in sorted(HOLD_KEYS.intersection(metadata if metadata != UNKNOWN else ())):
        yield f"metadata.{key}", "is set by `python -m jobs hold`, not by a declaration: leave it out"


def warnings_for(values: Mapping[str, Any], accept: Collection[str] = ()) -> list[str]:
    """What is likely to be a mistake in a job, one line each, without those whose code the job accepts."""
    return [found.line for found in advise(values) if found.code not in accept]


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
