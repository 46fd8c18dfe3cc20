"""A hold: one of our jobs is left as it is until a time, whoever would write it. Decides only; it asks no clock.

It lies in the job's own metadata in Dkron, so that every watcher and `pulumi up` find it there. Its words are a
stranger's: they are bounded and cleaned here. What isn't a time within the next 30 days is no hold. Whose a job is,
the caller asks: a job of others has no hold that binds us.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..schedule.moments import utc_time
from ..text import one_line
from .executions import moment

UNTIL_KEY: Final = "held_until"
REASON_KEY: Final = "hold_reason"
BY_KEY: Final = "held_by"
HOLD_KEYS: Final = frozenset((UNTIL_KEY, REASON_KEY, BY_KEY))
LONGEST: Final = timedelta(days=30)
SKEW: Final = timedelta(hours=1)  # by which the clock of whoever held the job may be ahead of ours
LONGEST_REASON: Final = 200  # characters
LONGEST_NAME: Final = 60
LONGEST_TIME: Final = 40
_LENGTH: Final = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,6})m)?")
Job = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when (UTC), why, and who said so. `disabled`: whether the job is switched off meanwhile."""

    until: datetime
    reason: str = ""
    by: str = ""
    disabled: bool = False

    @property
    def words(self) -> str:
        """Such as "held until 2026-11-27 14:00:00 UTC by ann, switched off: a gateway is down"."""
        by, off = f" by {self.by}" if self.by else "", ", switched off" if self.disabled else ""
        why = f": {self.reason}" if self.reason else ""
        return f"held until {self.until:%Y-%m-%d %H:%M:%S} UTC{by}{off}{why}"


def hold_of(job: Job, now: datetime) -> Hold | None:
    """The hold that a live job is under at an aware time, None if it is under none."""
    metadata = _metadata(job)
    text = metadata.get(UNTIL_KEY)
    until = moment(utc_time(text)) if isinstance(text, str) and len(text) <= LONGEST_TIME else None
    if until is None or not now < until <= now + LONGEST + SKEW:
        return None
    reason, by = cleaned(metadata.get(REASON_KEY), LONGEST_REASON), cleaned(metadata.get(BY_KEY), LONGEST_NAME)
    return Hold(until, reason, by, job.get("disabled") is True)


def cleaned(text: Any, longest: int) -> str:
    """A text of the metadata on one line, cut to a length."""
    line = one_line(text) if isinstance(text, str) else ""
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def mentions_hold(job: Job) -> bool:
    """Whether anything of a hold is in the metadata, be it over or malformed."""
    return not HOLD_KEYS.isdisjoint(_metadata(job))


def put_on(job: Job, hold: Hold) -> dict[str, Any]:
    """The job under that hold; switched off if the hold says so, else as it is."""
    stamp = f"{hold.until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    metadata = {**_metadata(job), UNTIL_KEY: stamp, REASON_KEY: hold.reason, BY_KEY: hold.by}
    return {**job, "metadata": metadata, "disabled": hold.disabled or job.get("disabled") is True}


def taken_off(job: Job) -> dict[str, Any]:
    """The job without anything of a hold in its metadata. Whether it is switched off stays."""
    return {**job, "metadata": {k: v for k, v in _metadata(job).items() if k not in HOLD_KEYS}}


def kept(wanted: Job, live: Job, now: datetime) -> dict[str, Any]:
    """What may be written over a live job: all that is wanted, and its hold, which keeps it switched off if it is."""
    hold = hold_of(live, now)
    if hold is None:
        return dict(wanted)
    found = {key: text for key, text in _metadata(live).items() if key in HOLD_KEYS}
    disabled = hold.disabled or wanted.get("disabled") is True
    return {**wanted, "metadata": {**_metadata(wanted), **found}, "disabled": disabled}


def _metadata(job: Job) -> dict[str, Any]:
    metadata = job.get("metadata")
    return dict(metadata) if isinstance(metadata, Mapping) else {}


def end_after(length: str, now: datetime) -> datetime:
    """When a hold that begins now ends; `length` such as 2h, 90m or 1d12h. Raises ValueError with one clear line."""
    found = _LENGTH.fullmatch(length)
    days, hours, minutes = (int(number or 0) for number in found.groups()) if found else (0, 0, 0)
    if not days + hours + minutes:
        raise ValueError(f'"{cleaned(length, LONGEST_NAME)}" is no length such as 2h, 90m or 1d12h')
    return checked_end(now + timedelta(days=days, hours=hours, minutes=minutes), now)


def checked_end(until: datetime, now: datetime) -> datetime:
    """`until` in UTC, to the second. Raises ValueError where it is past or too far away."""
    until = until.astimezone(UTC).replace(microsecond=0)
    if until <= now:
        raise ValueError(f"{until:%Y-%m-%dT%H:%M:%SZ} is past")
    if until > now + LONGEST:
        raise ValueError(
            f"{until:%Y-%m-%dT%H:%M:%SZ} is more than {LONGEST.days} days ahead, the most that a hold lasts"
        )
    return until
