"""Durations (`@every`) and dates (`@at`) as Go reads them, which is neither ISO 8601 nor Python's idea of it.

Values are integers: years 0 and 10000 are dates that Dkron accepts and `datetime` can't hold. Pure text work, in linear
time; every refusal carries Dkron's words.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from .text import MAX_INT, Refused, quote_bytes

_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
_LIMIT: Final = MAX_INT + 1
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TERM = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_CYCLE_DAYS: Final = 146097  # 400 years; then the calendar repeats
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MINUTES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}")  # what a browser's date field gives


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of any year, month 1 to 12, any day."""
    cycle, rest = divmod(year - 1, 400)
    return cycle * _CYCLE_DAYS + date(rest + 1, month, 1).toordinal() - _EPOCH_ORDINAL + day - 1


@lru_cache(maxsize=4096)
def calendar_day(number: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01, without limits."""
    cycle, rest = divmod(number + _EPOCH_ORDINAL - 1, _CYCLE_DAYS)
    day = date.fromordinal(rest + 1)
    return day.year + 400 * cycle, day.month, day.day


def duration(text: str) -> int:
    """Nanoseconds of a duration such as 1h30m, -1.5s or 0; Refused for anything else, days included."""
    invalid = f"time: invalid duration {quote_bytes(text.encode())}"
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    total, position = 0, 0
    while position < len(body):
        match = _TERM.match(body, position)
        # The pattern can match nothing at all, so there is a match wherever it starts.
        number, fraction, unit = match.groups() if match else ("", None, "")
        if not number and not fraction:
            raise Refused(invalid)
        digits = number.lstrip("0") or "0"
        whole = int(digits) if len(digits) <= 19 else _LIMIT + 1
        if whole > _LIMIT:
            raise Refused(invalid)
        if not unit:
            raise Refused(f"time: missing unit in duration {quote_bytes(text.encode())}")
        if unit not in _UNITS:
            raise Refused(f"time: unknown unit {quote_bytes(unit.encode())} in duration {quote_bytes(text.encode())}")
        total += whole * _UNITS[unit] + _fraction(fraction or "", _UNITS[unit])
        if total > _LIMIT:
            raise Refused(invalid)
        position = match.end() if match else len(body)
    if not body or (total == _LIMIT and not text.startswith("-")):
        raise Refused(invalid)
    return -total if text.startswith("-") else total


def _fraction(digits: str, unit: int) -> int:
    """Nanoseconds of the digits behind the point; those beyond 63 bits are dropped, and the product is a float's."""
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if value > MAX_INT // 10 or longer > _LIMIT:
            break
        value, scale = longer, scale * 10
    return int(float(value) * (unit / scale))


@dataclass(frozen=True)
class Moment:
    """A date: whole seconds since 1970 in UTC, of any year, and nanoseconds."""

    seconds: int
    nanoseconds: int


def moment(text: str) -> Moment:
    """A date such as 2030-01-02T3:04:05,5+24:00: the hour may have one digit, the fraction a comma, offsets 24:60."""
    reader = _Reader(text.encode())
    year = reader.year()
    reader.literal("-")
    month = reader.number("01", (1, 12), "month")
    reader.literal("-")
    day = reader.number("02", (0, 99), "")
    reader.literal("T")
    hour = reader.number("15", (0, 23), "hour", digits=1)
    reader.literal(":")
    minute = reader.number("04", (0, 59), "minute")
    reader.literal(":")
    second = reader.number("05", (0, 59), "second")
    nanoseconds = reader.fraction()
    offset = reader.offset()
    reader.end()
    following = (year + month // 12, month % 12 + 1)
    if not 1 <= day <= day_number(*following, 1) - day_number(year, month, 1):
        raise reader.out_of("day")
    seconds = day_number(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return Moment(seconds, nanoseconds)


def utc_time(text: str) -> str | None:
    """A date that Dkron takes, as it gives it back: RFC 3339 in UTC. None if Dkron refuses it or can't write it down.

    Accepted beyond RFC 3339 (recorded: c23, e94a-e94f): a comma before the fraction, a one-digit hour, an offset of
    24:00, more than nine digits of fraction, and a form without seconds and zone, which is UTC. A date outside the
    years 0 to 9999 in UTC is stored and then empties Dkron's whole list (p02-p14).
    """
    if _MINUTES.fullmatch(text):
        text += ":00Z"
    try:
        when = moment(text)
    except (Refused, UnicodeEncodeError):
        return None
    return shown(when)


def shown(when: Moment) -> str | None:
    """RFC 3339 in UTC; None for a year that it can't write down."""
    days, seconds = divmod(when.seconds, 86400)
    year, month, day = calendar_day(days)
    if not 0 <= year <= 9999:
        return None
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    fraction = f".{when.nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}Z"


def without_zone(text: str) -> bool:
    """Whether a date is written in the one form that names no zone, and is taken as UTC."""
    return _MINUTES.fullmatch(text) is not None


class _Reader:
    """Reads a date from left to right; every method takes its part off the front or raises Refused."""

    _PAIR = re.compile(rb"[0-9]{2}")
    _PAIR_OR_ONE = re.compile(rb"[0-9]{1,2}")
    _FRACTION = re.compile(rb"[.,]([0-9]+)")

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        self.rest = whole

    def bad(self, element: str) -> Refused:
        return Refused(
            f'parsing time {quote_bytes(self.whole)} as "{_LAYOUT}": '
            f'cannot parse {quote_bytes(self.rest)} as "{element}"'
        )

    def out_of(self, what: str) -> Refused:
        return Refused(f"parsing time {quote_bytes(self.whole)}: {what} out of range")

    def literal(self, character: str) -> None:
        if not self.rest.startswith(character.encode()):
            raise self.bad(character)
        self.rest = self.rest[1:]

    def year(self) -> int:
        if not re.match(rb"[0-9]{4}", self.rest):
            raise self.bad("2006")
        year, self.rest = int(self.rest[:4]), self.rest[4:]
        return year

    def number(self, element: str, bounds: tuple[int, int], what: str, digits: int = 2) -> int:
        match = (self._PAIR if digits == 2 else self._PAIR_OR_ONE).match(self.rest)
        if match is None:
            raise self.bad(element)
        number = int(match[0])
        if not bounds[0] <= number <= bounds[1]:
            raise self.out_of(what)
        self.rest = self.rest[match.end() :]
        return number

    def fraction(self) -> int:
        match = self._FRACTION.match(self.rest)
        if match is None:
            return 0
        self.rest = self.rest[match.end() :]
        return int(match[1][:9].ljust(9, b"0"))

    def offset(self) -> int:
        """Seconds east of UTC. A number out of range is named before a missing sign, as Dkron does."""
        if self.rest.startswith(b"Z"):
            self.rest = self.rest[1:]
            return 0
        if len(self.rest) < 6 or self.rest[3:4] != b":":
            raise self.bad("Z07:00")
        hours, minutes = self._PAIR.match(self.rest, 1), self._PAIR.match(self.rest, 4)
        if hours and minutes and int(minutes[0]) > 60:
            raise self.out_of("time zone offset minute")
        if hours and int(hours[0]) > 24:
            raise self.out_of("time zone offset hour")
        if not hours or not minutes or self.rest[:1] not in (b"+", b"-"):
            raise self.bad("Z07:00")
        seconds = int(hours[0]) * 3600 + int(minutes[0]) * 60
        sign, self.rest = self.rest[:1], self.rest[6:]
        return -seconds if sign == b"-" else seconds

    def end(self) -> None:
        if self.rest:
            raise Refused(f"parsing time {quote_bytes(self.whole)}: extra text: {quote_bytes(self.rest)}")
