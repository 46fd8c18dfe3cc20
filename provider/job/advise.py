"""What is likely to be a mistake in a job, though Dkron takes it and something runs. Pure.

Advice never stops anything. A job may accept one kind of it by its code; that is for the caller to do.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..advice import Advice
from ..schedule import LEAST_SECONDS, ScheduleError, parse
from ..schedule.moments import without_zone
from ..schedule.words import one_line
from . import http_executor, shell_executor
from .kinds import kind_problems
from .plugins import WINDOWS_SHELL, executor_advice, processor_advice
from .spec import DEFAULTS, TIME_FIELDS, UNKNOWN, canonical
from .tags import tag_advice

# One address as Go's net/mail reads it, with a name or without.
_ATOM: Final = r"[^\s()<>\[\]:;@\\,.\"]+"
_DOTTED: Final = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_ADDRESS: Final = rf"(?:{_DOTTED}|{_QUOTED})@(?:{_DOTTED}|\[[^\[\]\\]*\])"
_NAME: Final = rf'(?:{_QUOTED}|[^\s()<>\[\]:;@\\,"]+)'
_MAILBOX = re.compile(rf"\s*(?:{_ADDRESS}|(?:{_NAME}(?:\s+{_NAME})*\s*)?<{_ADDRESS}>)\s*")
_LONGEST_MAILBOX: Final = 1000


def advise(values: Mapping[str, Any], least_seconds: int = LEAST_SECONDS) -> list[Advice]:
    """Everything about one job's inputs, in any form that `canonical` takes; a job may run each `least_seconds`."""
    job = {**DEFAULTS, **canonical(values)}
    if any(kind_problems(job)):
        return []
    try:
        found = _schedule(job, least_seconds)
    except ScheduleError:
        return []
    found += _times(job, values)
    if job["owner_email"] not in ("", UNKNOWN) and not _one_address(job["owner_email"]):
        found.append(
            Advice(
                "owner-email",
                "owner_email is not one address: where Dkron sends mail, every mail fails, and then child jobs don't "
                'run; one address may have a name, "Ops <ops@example.com>"',
            )
        )
    if job["tags"] != UNKNOWN:
        found += tag_advice(job["tags"])
    if job["processors"] != UNKNOWN:
        found += processor_advice({k: {} if v == UNKNOWN else v for k, v in job["processors"].items()})
    return found + list(_executor(job))


def _schedule(job: Mapping[str, Any], least_seconds: int) -> list[Advice]:
    """Raises ScheduleError for a schedule that is refused."""
    if not job["schedule"] or UNKNOWN in (job["schedule"], job["name"], job["timezone"]):
        return []
    schedule = parse(job["schedule"], job["name"])
    if job["parent_job"] not in ("", UNKNOWN):
        if schedule.rule is None:
            return []
        return [
            Advice(
                "child-schedule",
                f"the schedule {one_line(job['schedule'], 60)} never fires: a job with a parent_job runs after its "
                "parent and at no other time; leave it out",
            )
        ]
    return schedule.advice(job["timezone"], least_seconds=least_seconds)


def _times(job: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Advice]:
    for name in TIME_FIELDS:
        # What was written: the canonical form has a zone.
        value = values.get(name)
        if isinstance(value, str) and without_zone(value):
            yield Advice("time-without-zone", f"{name} {value} has no zone and is taken as UTC: write {value}:00Z")
    starts, expires = job["starts_at"], job["expires_at"]
    if not expires or expires == UNKNOWN:
        return
    # Canonical dates sort as text, without their closing Z.
    if starts and starts != UNKNOWN and starts.rstrip("Z") >= expires.rstrip("Z"):
        yield Advice(
            "ends-before-start", f"expires_at {expires} is not after starts_at {starts}: the job will never run"
        )
    elif expires.rstrip("Z") <= f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}":
        yield Advice("expired", f"expires_at {expires} is past: the job will never run again")


def _one_address(text: str) -> bool:
    return len(text) <= _LONGEST_MAILBOX and _MAILBOX.fullmatch(text) is not None


def _executor(job: Mapping[str, Any]) -> Iterator[Advice]:
    executor, config = job["executor"], job["executor_config"]
    if UNKNOWN in (executor, config) or not executor:
        return
    if executor == "http":
        yield from http_executor.advice(config)
        return
    if executor in ("shell", WINDOWS_SHELL):
        yield from shell_executor.advice(config)
    if executor != "shell":
        yield from executor_advice(executor, config)
