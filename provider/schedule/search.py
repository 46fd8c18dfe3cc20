"""The next moment at which six fields match, found as Dkron's scheduler finds it, changes of the clock included.

There are two ways. Where the clock stands still from before the start until after the match, the match follows by
arithmetic on the fields. Around a change of the clock the answer depends on the steps that the scheduler takes (which
times it skips, which it fires twice), so `_Walk` takes the same steps. Instants are whole seconds since 1970. Pure.
"""

from functools import lru_cache
from typing import Final

from .fields import Fields
from .moments import calendar_day, day_number
from .zones import BLOCK_DAYS, Zone

_DAY: Final = 86400
_HOUR: Final = 3600
_MINUTE: Final = 60
_YEARS: Final = 5  # the scheduler gives up when it finds nothing in this many years after the one it starts in
_MARGIN: Final = 2  # days around a search that must be free of changes, for its steps ask at wall time taken as UTC


def search(fields: Fields, start: int, zone: Zone) -> int | None:
    """The first match at or after an instant, None if there is none within five years."""
    if fields.empty:
        return None
    if zone.fixed is not None and zone.fixed % _MINUTE == 0:
        wall = straight(fields, start + zone.fixed)
        return None if wall is None else wall - zone.fixed
    first_day = start // _DAY
    offset = zone.calm(first_day // BLOCK_DAYS)
    if offset is None or offset % _MINUTE:
        return _walk(fields, start, zone)
    wall = straight(fields, start + offset)
    # The scheduler's steps begin at the first of the month if that doesn't match, and end after five years at most.
    _, month, day = calendar_day((start + offset) // _DAY)
    low = first_day - _MARGIN - (0 if fields.months >> month & 1 else day)
    high = start + _YEARS * 366 * _DAY if wall is None else wall
    for block in range(low // BLOCK_DAYS, (high // _DAY + _MARGIN) // BLOCK_DAYS + 1):
        if zone.calm(block) != offset:
            return _walk(fields, start, zone)
    return None if wall is None else wall - offset


def straight(fields: Fields, wall: int) -> int | None:
    """The first match at or after a wall time (seconds, on a clock that is never changed), None as above."""
    today, time = divmod(wall, _DAY)
    year, month, day = calendar_day(today)
    last_year = year + _YEARS
    if fields.months >> month & 1 and _days_of(fields, year, month) >> day & 1:
        later = _time_from(fields, time)
        if later is not None:
            return today * _DAY + later
    after = day
    while year <= last_year:
        if fields.months >> month & 1:
            match = _next_bit(_days_of(fields, year, month), after + 1)
            if match is not None:
                return day_number(year, month, match) * _DAY + _first_time(fields)
        after = 0
        year, month = year + month // 12, month % 12 + 1
    return None


@lru_cache(maxsize=4096)
def _month(year: int, month: int) -> tuple[int, int]:
    """The weekday of the 1st of a month (Sunday is 0), and bits up to its last day."""
    first = day_number(year, month, 1)
    length = day_number(year + month // 12, month % 12 + 1, 1) - first
    return (first + 4) % 7, (2 << length) - 1


def _days_of(fields: Fields, year: int, month: int) -> int:
    """The matching days of a real month, as bits."""
    weekday, real = _month(year, month)
    return fields.month_days(weekday) & real


def _next_bit(bits: int, start: int) -> int | None:
    rest = bits >> start
    return start + (rest & -rest).bit_length() - 1 if rest else None


def _first_time(fields: Fields) -> int:
    """The first matching time of a day, in seconds."""
    hour, minute, second = (bits & -bits for bits in (fields.hours, fields.minutes, fields.seconds))
    return (hour.bit_length() - 1) * _HOUR + (minute.bit_length() - 1) * _MINUTE + second.bit_length() - 1


def _time_from(fields: Fields, time: int) -> int | None:
    """The first matching time of a day at or after a time, in seconds."""
    hour, minute, second = time // _HOUR, time % _HOUR // _MINUTE, time % _MINUTE
    first = _first_time(fields)
    if fields.hours >> hour & 1:
        if fields.minutes >> minute & 1:
            later = _next_bit(fields.seconds, second)
            if later is not None:
                return hour * _HOUR + minute * _MINUTE + later
        later = _next_bit(fields.minutes, minute + 1)
        if later is not None:
            return hour * _HOUR + later * _MINUTE + first % _MINUTE
    later = _next_bit(fields.hours, hour + 1)
    return None if later is None else later * _HOUR + first % _HOUR


def _walk(fields: Fields, start: int, zone: Zone) -> int | None:
    """The scheduler's answer; where that lies in the past, the answer to the same question asked from there.

    Asked in the second half of an overlap, the scheduler can name a time of the first half. Dkron then fires without
    pause until the half is over, which is no time that anybody could be told; what comes after it is.
    """
    match = _steps(fields, start, zone)
    if match is None or match >= start:
        return match
    probe = min(match + 1, start)
    while match is not None and match < start:
        match = _steps(fields, probe, zone)
        probe = max(match or probe, probe) + 1
    return match


def _steps(fields: Fields, start: int, zone: Zone) -> int | None:
    walk = _Walk(fields, start, zone)
    last_year = walk.year + _YEARS
    while walk.year <= last_year:
        if walk.to_month() and walk.to_day() and walk.to_hour() and walk.to_minute() and walk.to_second():
            return walk.instant
    return None


class _Walk:
    """The scheduler's own steps: each goes on until its field matches, and is False if it passed the next larger unit.

    The first step of all goes back to the beginning of its unit. Months and days are counted on the wall, hours and
    what is smaller in real time; that is why a time in a gap is skipped and one in an overlap comes twice.
    """

    def __init__(self, fields: Fields, start: int, zone: Zone) -> None:
        self.fields = fields
        self.zone = zone
        self.stepped = False
        self.today = start // _DAY + 9  # no day that the start can be in
        self.year = self.month = self.day = 0
        self.set(start)

    def set(self, instant: int) -> None:
        self.instant = instant
        today, self.time = divmod(instant + self.zone.offset(instant), _DAY)
        if today != self.today:
            self.today = today
            self.year, self.month, self.day = calendar_day(today)

    def set_wall(self, wall: int) -> None:
        """Go to a wall time. Of a time in a gap or an overlap, one reading is taken, always by this rule."""
        self.set(wall - self.zone.offset(wall - self.zone.offset(wall)))

    def to_month(self) -> bool:
        while not self.fields.months >> self.month & 1:
            if not self.stepped:
                self.stepped = True
                self.set_wall(day_number(self.year, self.month, 1) * _DAY)
            following = day_number(self.year + self.month // 12, self.month % 12 + 1, self.day)
            self.set_wall(following * _DAY + self.time)
            if self.month == 1:
                return False
        return True

    def to_day(self) -> bool:
        while not self.fields.month_days((self.today - self.day + 5) % 7) >> self.day & 1:
            if not self.stepped:
                self.stepped = True
                self.set_wall(self.today * _DAY)
            before = self.instant
            self.set_wall((self.today + 1) * _DAY + self.time)
            if self.instant <= before:
                # The zone left out a whole day (Samoa, 2011-12-30). Dkron's own loop never ends here; this one goes on.
                self.set(before + _DAY)
            hour = self.time // _HOUR
            if hour:
                # Midnight doesn't exist that day; the scheduler looks for the nearest whole hour.
                self.set(self.instant + ((24 - hour) if hour > 12 else -hour) * _HOUR)
            if self.day == 1:
                return False
        return True

    def to_hour(self) -> bool:
        while not self.fields.hours >> self.time // _HOUR & 1:
            if not self.stepped:
                self.stepped = True
                self.set_wall(self.today * _DAY + self.time // _HOUR * _HOUR)
            self.set(self.instant + _HOUR)
            if self.time < _HOUR:
                return False
        return True

    def to_minute(self) -> bool:
        while not self.fields.minutes >> self.time % _HOUR // _MINUTE & 1:
            if not self.stepped:
                self.stepped = True
                self.set(self.instant // _MINUTE * _MINUTE)
            self.set(self.instant + _MINUTE)
            if self.time % _HOUR < _MINUTE:
                return False
        return True

    def to_second(self) -> bool:
        while not self.fields.seconds >> self.time % _MINUTE & 1:
            self.stepped = True
            match = _next_bit(self.fields.seconds, self.time % _MINUTE)
            ahead = (_MINUTE if match is None else match) - self.time % _MINUTE
            # Second by second only if the clock is changed within this minute.
            calm = self.zone.offset(self.instant) == self.zone.offset(self.instant + ahead)
            self.set(self.instant + (ahead if calm else 1))
            if self.time % _MINUTE == 0:
                return False
        return True
