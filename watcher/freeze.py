"""FREEZE: the windows of the week in which the watcher changes nothing. Pure.

A window is written by the clock on the wall. Where that clock jumps back, it begins at the first and ends at the second
of two equal times. Where it jumps forward over 02:30, that is the moment that would have been 02:30 without the jump.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from provider.schedule.zones import display_zone
from provider.text import one_line

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT: Final = r"(mon|tue|wed|thu|fri|sat|sun)\s+([01][0-9]|2[0-3]):([0-5][0-9])"
_WINDOW: Final = re.compile(rf"{_MOMENT}\s*-\s*{_MOMENT}(?:\s+(\S+))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Window:
    """Each week from a day (0 is Monday) and time until another one, in a time zone."""

    from_day: int
    start: time
    to_day: int
    end: time
    zone: tzinfo

    def end_at(self, now: datetime) -> datetime | None:
        """When the window that an aware time lies in ends, in its zone; None if it lies in none."""
        today = now.astimezone(self.zone).date()
        for ago in range(9):
            day = today - timedelta(days=ago)
            if day.weekday() != self.from_day:
                continue
            days = (self.to_day - self.from_day) % 7
            if not days and self.end <= self.start:
                days = 7
            begin = datetime.combine(day, self.start, self.zone)
            end = _last(datetime.combine(day + timedelta(days=days), self.end, self.zone))
            if begin.astimezone(UTC) <= now < end:
                return end.astimezone(self.zone)
        return None


def _last(wall: datetime) -> datetime:
    """The later of the two moments at which a clock shows this, in UTC."""
    second = wall.replace(fold=1).astimezone(UTC)
    exists = second.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)
    return second if exists else wall.astimezone(UTC)


def parse(text: str) -> tuple[Window, ...]:
    """The windows of "Fri 18:00-Mon 06:00 Europe/Berlin", several by commas or semicolons; without a zone it is UTC.

    Raises ValueError with what it must be.
    """
    return tuple(_window(part.strip()) for part in re.split("[,;]", text) if part.strip())


def _window(text: str) -> Window:
    shown = f'"{one_line(text)[:60]}"'
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f'must be windows such as "Fri 18:00-Mon 06:00 Europe/Berlin", and {shown} is none')
    first, hour, minute, last, to_hour, to_minute, zone = found.groups()
    start, end = time(int(hour), int(minute)), time(int(to_hour), int(to_minute))
    from_day, to_day = DAYS.index(first.lower()), DAYS.index(last.lower())
    if (from_day, start) == (to_day, end):
        raise ValueError(f"must be windows, and {shown} ends when it begins")
    try:
        return Window(from_day, start, to_day, end, display_zone(zone or ""))
    except ValueError as error:
        raise ValueError(f"must name time zones: {error}") from None


def frozen_until(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When the last of the windows that hold now ends; None if none holds."""
    ends = [end for window in windows if (end := window.end_at(now)) is not None]
    # Two times of one zone, or at a jump, compare by what the clock shows: moments must be compared.
    return max(ends, default=None, key=datetime.timestamp)
