"""Dkron's schedules: accept or refuse as Dkron 4.0.9 does, and say when a job runs next.

The public face of this room. Behaviour follows the rules and recordings of the real server (tests hold
it to them). Needs no network and no clock, except that `warnings` asks for the time where it is given none.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from ..advice import Advice
from .advice import advice, pace
from .fields import PREFIXES, Fields, parse_fields, put_hash
from .moments import Moment, duration, moment
from .repair import repair
from .search import search
from .text import Refused, as_sent, trim
from .words import field_words, hint, interval_words, one_line
from .zones import UTC_ZONE, Zone, load_zone, zone_of, zone_problem

__all__ = ["LEAST_SECONDS", "SHORTHANDS", "Schedule", "ScheduleError", "parse"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 10**9
LEAST_SECONDS: Final = 60  # runs that are closer together than this are warned of, if nobody asks for another limit
SHORTHANDS: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


class ScheduleError(ValueError):
    """Dkron refuses the schedule. `text` is it, `reason` says why in Dkron's words; str() is one line for people."""

    def __init__(self, text: str, reason: str) -> None:
        way_out = repair(text).words() or hint(reason)
        super().__init__(f'schedule "{one_line(text)}": {one_line(reason, 300)}' + (f" ({way_out})" if way_out else ""))
        self.text = text
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that Dkron accepts. `rule` is six fields, an interval in seconds, a date, or None for @manually."""

    text: str
    rule: Fields | Moment | int | None
    zone: str | None = None  # of a TZ= or CRON_TZ= prefix

    @property
    def takes_timezone(self) -> bool:
        """Whether the job's timezone field counts: not for schedules that begin with "@" or name a zone themselves."""
        return not self.text.startswith(("@", *PREFIXES))

    def next_run(self, after: datetime, timezone: str | tzinfo | None = None) -> datetime | None:
        """When Dkron fires the job next, strictly after an aware datetime; in UTC, None for never.

        `timezone` is the job's (a name, or a tzinfo), and ignored where Dkron ignores it. None, "" and "Local" stand
        for the server's zone, which is taken to be UTC. None also for what lies beyond the year 9999. Raises
        ValueError for a naive datetime, ScheduleError for a zone that Dkron doesn't know.
        """
        if after.utcoffset() is None:
            raise ValueError(f"after must be an aware datetime, not {after.isoformat()}")
        elapsed = after - _EPOCH
        now = elapsed.days * 86400 + elapsed.seconds
        if isinstance(self.rule, Fields):
            return _datetime(search(self.rule, now + 1, self._zone(timezone)))
        if isinstance(self.rule, int):
            return _datetime(now + self.rule)
        if self.rule is None:
            return None
        date = _datetime(self.rule.seconds, self.rule.nanoseconds)
        return date if date is not None and date > after else None

    def warnings(self, timezone: str = "", now: datetime | None = None) -> list[str]:
        """What Dkron accepts and is likely to be a mistake, one line each; `now` is the present if not given."""
        return [found.text for found in self.advice(timezone, now)]

    def advice(
        self, timezone: str = "", now: datetime | None = None, least_seconds: int = LEAST_SECONDS
    ) -> list[Advice]:
        """The same with a code each. `least_seconds`: how far apart its runs should be at least."""
        now = now or datetime.now(UTC)
        dead = self.rule is not None and self.next_run(now, None) is None
        zone = timezone if self.takes_timezone else self.zone
        clock = UTC_ZONE if zone is None or zone_problem(zone) else load_zone(zone)
        found = advice(self.text, self.rule, zone or "", clock, now)
        if timezone and not self.takes_timezone and timezone != self.zone:
            way_out = f' (write "TZ={timezone} {self.text}")' if self.text in SHORTHANDS else ""
            text = f"timezone {one_line(timezone)} is ignored by Dkron for {one_line(self.text)}{way_out}"
            found.insert(0, Advice("timezone-ignored", text))
        if dead:
            past = " its date is past" if isinstance(self.rule, Moment) else " no such date within five years"
            found.insert(0, Advice("never-runs", f"{one_line(self.text)} will never run:{past}"))
        gap = pace(self.rule)
        if not dead and gap is not None and gap < least_seconds:
            text = (
                f"{one_line(self.text)} runs {self.describe()}, two runs as little as {gap} s apart: a few jobs with "
                f"less than {least_seconds} s between runs bring a cluster down"
            )
            found.append(Advice("every-second", text))
        return found

    def describe(self) -> str:
        """The schedule in short English, such as "at 02:15:00 every day"; never raises."""
        if isinstance(self.rule, Fields):
            return field_words(self.rule) + (f" ({one_line(self.zone) or 'UTC'})" if self.zone is not None else "")
        if isinstance(self.rule, int):
            return interval_words(self.rule)
        if self.rule is None:
            return "only when started by hand"
        date = _datetime(self.rule.seconds)
        return f"once, at {date:%Y-%m-%d %H:%M:%S} UTC" if date else f"once, {one_line(self.text[1:])}"

    def _zone(self, timezone: str | tzinfo | None) -> Zone:
        zone = timezone if self.takes_timezone else self.zone
        if zone is None:
            return UTC_ZONE
        if isinstance(zone, tzinfo):
            return zone_of(zone)
        problem = zone_problem(zone)
        if problem:
            raise ScheduleError(self.text, f"provided bad location {zone}: {problem}")
        return load_zone(zone)


def parse(text: str, name: str = "") -> Schedule:
    """The schedule of a job of that name ("~" is a hash of it). Raises ScheduleError exactly where Dkron refuses.

    The empty text is refused; that a job with a parent may do without a schedule is for the caller to know.
    """
    try:
        return _parse(text, put_hash(as_sent(text), name))
    except Refused as refused:
        raise ScheduleError(text, str(refused)) from None


def _parse(text: str, spec: str) -> Schedule:
    if spec == "@manually":
        return Schedule(text, None)
    if spec == "@minutely":
        return Schedule(text, parse_fields("0 * * * * *"))
    if spec.startswith("@at "):
        try:
            return Schedule(text, moment(spec[4:]))
        except Refused as refused:
            raise Refused(f"failed to parse date {spec}: {refused}") from None
    if not spec:
        raise Refused("empty spec string")
    zone = None
    if spec.startswith(PREFIXES):
        zone, spec = _split_zone(spec)
    return Schedule(text, _descriptor(spec) if spec.startswith("@") else parse_fields(spec), zone)


def _split_zone(spec: str) -> tuple[str, str]:
    head, space, rest = spec.partition(" ")
    zone = head.partition("=")[2]
    if not space:
        raise Refused(f"no space after the zone in {spec}; Dkron breaks down on it")
    problem = zone_problem(zone)
    if problem:
        raise Refused(f"provided bad location {zone}: {problem}")
    return zone, trim(rest)


def _descriptor(spec: str) -> Fields | int:
    if spec in SHORTHANDS:
        return parse_fields(SHORTHANDS[spec])
    if not spec.startswith("@every "):
        raise Refused(f"unrecognized descriptor: {spec}")
    try:
        return max(duration(spec[7:]) // _SECOND, 1)
    except Refused as refused:
        raise Refused(f"failed to parse duration {spec}: {refused}") from None


def _datetime(seconds: int | None, nanoseconds: int = 0) -> datetime | None:
    try:
        return None if seconds is None else _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
