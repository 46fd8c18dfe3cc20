"""Which runs of which jobs begin in a window of time: the rows of a picture, overlaps, the busiest minute. Pure.

Also when one job runs next, or why it never does (`next_run`, `next_runs`).

A job that runs very often is one bar from its first to its last run, and stands outside the counts: it would drown
them, and finding every run of it would take long. It draws nothing; `calendar_svg` does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from . import Schedule, ScheduleError, parse
from .moments import utc_time

MAX_HOURS: Final = 24 * 14
# A job with more runs than this a day is drawn as a bar; with many jobs the limit sinks, so that the work stays small.
OFTEN: Final = 100
LEAST_OFTEN: Final = 24
MARKS_IN_ALL: Final = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What a picture must know of a job. Dates as Dkron gives them, in UTC. `unknown`: on what its runs depend that
    nobody knows here, "" for nothing."""

    name: str
    schedule: str = ""
    timezone: str = ""
    disabled: bool = False
    parent: str = ""
    starts_at: str | None = None
    expires_at: str | None = None
    unknown: str = ""

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> "Entry":
        """From a declaration's inputs or from Dkron's JSON."""
        texts = {key: str(job.get(key) or "") for key in ("name", "schedule", "timezone", "parent_job")}
        starts, expires = (str(job[key]) if job.get(key) else None for key in ("starts_at", "expires_at"))
        return cls(
            texts["name"],
            texts["schedule"],
            texts["timezone"],
            bool(job.get("disabled")),
            texts["parent_job"],
            starts,
            expires,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One job. `minutes`: those of the window in which a run begins; `bar`: first and last minute of a job that runs
    often, instead; `note`: why there is nothing to draw; `past`: what ran before, by minute (mostly below 0): "good",
    "bad", or "missed" for a run that was due and didn't happen."""

    name: str
    minutes: tuple[int, ...] = ()
    bar: tuple[int, int] | None = None
    note: str = ""
    past: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """A window from `start` (a whole minute, in UTC) over `hours` hours. `starts`: jobs that begin, by minute; `back`:
    how many minutes before the start are shown, with what ran then."""

    start: datetime
    hours: int
    rows: tuple[Row, ...]
    starts: Mapping[int, int]
    back: int = 0

    @property
    def length(self) -> int:
        """In minutes."""
        return self.hours * 60

    @property
    def busiest(self) -> tuple[datetime, int] | None:
        """The first minute in which most jobs begin, and how many; None if no two jobs ever meet."""
        minute, count = min(self.starts.items(), key=lambda item: (-item[1], item[0]), default=(0, 0))
        return (self.start + timedelta(minutes=minute), count) if count > 1 else None

    @property
    def overlaps(self) -> int:
        """How many minutes have more than one job beginning."""
        return sum(count > 1 for count in self.starts.values())

    @property
    def bars(self) -> int:
        """How many jobs run too often to be counted."""
        return sum(row.bar is not None for row in self.rows)


def lay_out(entries: Iterable[Entry], start: datetime, hours: int = 24) -> Calendar:
    """The calendar of these jobs, in their order, from the whole minute of an aware `start`.

    Raises ValueError for a naive start or hours outside 1 to MAX_HOURS.
    """
    if start.utcoffset() is None:
        raise ValueError("start must be an aware datetime")
    if not 1 <= hours <= MAX_HOURS:
        raise ValueError(f"hours must be between 1 and {MAX_HOURS}, not {hours}")
    start = start.astimezone(UTC).replace(second=0, microsecond=0)
    entries = list(entries)
    limit = max(LEAST_OFTEN, min(OFTEN, MARKS_IN_ALL // max(len(entries), 1))) * max(1, hours // 24)
    window = _Window(start, hours * 60, limit)
    rows = tuple(window.row(entry) for entry in entries)
    return Calendar(start, hours, rows, Counter(minute for row in rows for minute in row.minutes))


def next_run(entry: Entry, after: datetime) -> datetime | str:
    """When a job runs next, strictly after an aware datetime, in UTC; or why it never will, in two or three words."""
    if entry.disabled:
        return "disabled"
    if entry.unknown:
        return f"depends on {entry.unknown}"
    if not entry.schedule:
        return f"after {entry.parent}" if entry.parent else "no schedule"
    try:
        schedule = _schedule(entry)
        after, end = _bounds(entry, after, None)
        moment = schedule.next_run(after, entry.timezone or None)
    except ScheduleError:
        return "bad schedule"
    if schedule.rule is None:
        return "by hand only"
    if moment is None or (end is not None and moment > end):
        return "never"
    return moment


def next_runs(entry: Entry, after: datetime, count: int) -> list[datetime] | str:
    """The next runs strictly after an aware datetime, in UTC; or why there is none."""
    runs: list[datetime] = []
    while len(runs) < count:
        found = next_run(entry, after)
        if isinstance(found, str):
            return runs or found
        runs.append(found)
        after = found
    return runs


def in_words(entry: Entry) -> str:
    """The schedule in short English; never raises."""
    if entry.unknown:
        return f"depends on {entry.unknown}"
    if not entry.schedule:
        return f"after {entry.parent}" if entry.parent else "no schedule"
    try:
        return _schedule(entry).describe()
    except ScheduleError:
        return "not a schedule"


def _schedule(entry: Entry) -> Schedule:
    """The job's schedule; its name counts only where "~" is a hash of it. Raises ScheduleError."""
    return _parsed(entry.schedule, entry.name if "~" in entry.schedule else "")


@lru_cache(maxsize=8192)
def _parsed(text: str, name: str) -> Schedule:
    return parse(text, name)


class _Window:
    """Finds the runs in one window; jobs of one schedule are looked at once."""

    def __init__(self, start: datetime, length: int, limit: int) -> None:
        self.start, self.length, self.limit = start, length, limit
        self._seen: dict[tuple[object, ...], tuple[list[int], bool]] = {}

    def row(self, entry: Entry) -> Row:
        last = self.start + timedelta(minutes=self.length)
        first = next_run(entry, self.start - timedelta(seconds=1))
        if isinstance(first, str):
            return Row(entry.name, note=first)
        if first >= last:
            return Row(entry.name, note="later")
        key = (
            entry.schedule,
            entry.timezone,
            entry.starts_at,
            entry.expires_at,
            entry.name if "~" in entry.schedule else "",
        )
        if key not in self._seen:
            self._seen[key] = self._minutes(entry, _schedule(entry), first)
        minutes, often = self._seen[key]
        return Row(entry.name, bar=(minutes[0], minutes[-1])) if often else Row(entry.name, tuple(minutes))

    def _minutes(self, entry: Entry, schedule: Schedule, first: datetime) -> tuple[list[int], bool]:
        """The minutes with a run; if they are too many, only the first and the last of the window."""
        _, end = _bounds(entry, self.start, self.start + timedelta(minutes=self.length))
        minutes: list[int] = []
        moment: datetime | None = first
        while moment is not None and end is not None and moment < end:
            minute = int((moment - self.start).total_seconds()) // 60
            minutes.append(minute)
            if len(minutes) > self.limit:
                return [minutes[0], int((end - self.start).total_seconds()) // 60], True
            # An interval has no phase of its own; cron fields are asked from the end of the minute.
            after = moment
            if not isinstance(schedule.rule, int):
                after = self.start + timedelta(minutes=minute, seconds=59, microseconds=999_999)
            moment = schedule.next_run(after, entry.timezone or None)
        return sorted(set(minutes)), False


def _bounds(entry: Entry, start: datetime, end: datetime | None) -> tuple[datetime, datetime | None]:
    """The window cut to the dates between which a job may run."""
    starts, expires = _date(entry.starts_at), _date(entry.expires_at)
    if starts is not None and starts > start:
        # Not before the comparison: nothing can be taken from the first moment of the year 1.
        start = max(start, starts - timedelta(seconds=1))
    if expires is not None:
        end = expires if end is None else min(end, expires)
    return start, end


def _date(text: str | None) -> datetime | None:
    """A date of Dkron's; None for none, or for one outside the years that can be counted with."""
    try:
        return datetime.fromisoformat(utc_time(text) or "") if text else None
    except ValueError:
        return None
