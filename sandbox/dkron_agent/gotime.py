"""Instants as Dkron reads and writes them: nanoseconds, any offset, years outside Python's range.

Stands in for the RFC 3339 half of Dkron's time library, its error texts included (recorded: http.json e88-e96,
p02-p14). It knows nothing of schedules or time zone names.
"""

import contextlib
import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_CYCLE_DAYS, _CYCLE_YEARS = 146_097, 400  # the Gregorian calendar repeats: shifts any year into datetime's range
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BILLION = 1_000_000_000
_FIRST_SECOND = -62_135_000_000  # early in the year 1


class GoTime(NamedTuple):
    """An instant: nanoseconds since 1970 in UTC, and the offset (seconds) in which it was written."""

    ns: int
    offset: int = 0

    def civil(self) -> tuple[int, datetime]:
        """The year, and the rest of the local date and time in a datetime whose own year means nothing."""
        seconds = self.ns // _BILLION + self.offset
        cycles, days = divmod(seconds // 86_400, _CYCLE_DAYS)
        local = _EPOCH + timedelta(days=days, seconds=seconds % 86_400)
        return local.year + cycles * _CYCLE_YEARS, local

    def text(self) -> str | None:
        """RFC 3339 with as many digits as needed; None when Dkron can't write it (year or offset out of range)."""
        year, local = self.civil()
        if not 0 <= year <= 9999 or abs(self.offset) >= 86_400:
            return None
        fraction = f".{self.ns % _BILLION:09d}".rstrip("0").rstrip(".")
        zone = "Z"
        if self.offset:
            minutes = abs(self.offset) // 60
            zone = f"{'-' if self.offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
        return f"{year:04d}-{local:%m-%dT%H:%M:%S}{fraction}{zone}"

    def within(self, zone: ZoneInfo | None) -> "GoTime":
        """The same instant, written in another zone."""
        if zone is None:
            return GoTime(self.ns)
        second = max(self.ns // _BILLION, _FIRST_SECOND)  # before that zoneinfo can't look; no zone had begun yet
        offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta(0)
        return GoTime(self.ns, int(offset.total_seconds()))


def zone(name: str) -> ZoneInfo | None:
    """A job's time zone; None (UTC) for none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


ZERO = GoTime(-62_135_596_800 * _BILLION)  # 0001-01-01T00:00:00Z: "never"
EPOCH = GoTime(0)  # what a child without a schedule shows as its next run


def now() -> GoTime:
    return GoTime(time.time_ns())


def from_datetime(moment: datetime | None) -> GoTime:
    """An aware datetime, or None for never, as an instant in UTC."""
    if moment is None:
        return ZERO
    delta = moment - _EPOCH
    return GoTime((delta.days * 86_400 + delta.seconds) * _BILLION + delta.microseconds * 1000)


class TimeSyntax(ValueError):
    """The text is no time; the message is Dkron's."""


# One step per element of the layout: its name in the layout, and what it accepts.
_STEPS = [
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d\d"),
    ("-", "-"),
    ("02", r"\d\d"),
    ("T", "T"),
    ("15", r"\d\d?"),
    (":", ":"),
    ("04", r"\d\d"),
    (":", ":"),
    ("05", r"\d\d(?:[.,]\d+)?"),
    ("Z07:00", r"Z|[+-]\d\d:\d\d"),
]
_LIMITS = [("01", 1, 12, "month"), ("15", 0, 23, "hour"), ("04", 0, 59, "minute"), ("05", 0, 59, "second")]


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _split(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = text
    for name, pattern in _STEPS:
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            msg = f"parsing time {_quote(text)} as {_quote(_LAYOUT)}: cannot parse {_quote(rest)} as {_quote(name)}"
            raise TimeSyntax(msg)
        found[name] = match[0]
        rest = rest[match.end() :]
        for element, low, high, word in _LIMITS:
            if element == name and not low <= int(match[0][:2]) <= high:
                raise TimeSyntax(f"parsing time {_quote(text)}: {word} out of range")
    if rest:
        raise TimeSyntax(f"parsing time {_quote(text)}: extra text: {_quote(rest)}")
    return found


def parse(text: str) -> GoTime:
    """RFC 3339 as Dkron takes it: a one-digit hour, a comma and offsets up to 24:60 pass (recorded: http.json e94a-f).

    Raises TimeSyntax with Dkron's words (recorded: http.json e88-e96).
    """
    parts = _split(text)
    year = int(parts["2006"])
    like = year % _CYCLE_YEARS + 2000  # a year with the same calendar that datetime can hold
    try:
        date = datetime(like, int(parts["01"]), int(parts["02"]), int(parts["15"]), int(parts["04"]), tzinfo=UTC)
    except ValueError:
        raise TimeSyntax(f"parsing time {_quote(text)}: day out of range") from None
    zone = parts["Z07:00"]
    hours, minutes = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[4:6]))
    if hours > 24 or minutes > 60:
        word = "hour" if hours > 24 else "minute"
        raise TimeSyntax(f"parsing time {_quote(text)}: time zone offset {word} out of range")
    offset = (-1 if zone[0] == "-" else 1) * (hours * 3600 + minutes * 60)
    days = (date - _EPOCH).days + (year - like) // _CYCLE_YEARS * _CYCLE_DAYS
    seconds = days * 86_400 + date.hour * 3600 + date.minute * 60 + int(parts["05"][:2])
    fraction = int(parts["05"][3:12].ljust(9, "0") or 0)
    return GoTime((seconds - offset) * _BILLION + fraction, offset)


def parse_loose(text: str) -> GoTime:
    """starts_at and its kin: RFC 3339, or the date and minute that an HTML form sends (recorded: http.json c23)."""
    try:
        return parse(text)
    except TimeSyntax:
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d?:\d\d", text, re.ASCII):
            with contextlib.suppress(TimeSyntax):
                return parse(text + ":00Z")
        raise
