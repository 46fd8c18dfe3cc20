"""Instants: whole nanoseconds since 1970 in UTC, read from and written as the API's dates.

Plain integers, because Dkron takes dates in years that `datetime` can't hold.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from provider.schedule.moments import Moment, calendar_day, moment

SECOND: Final = 10**9
NEVER: Final = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z
EPOCH: Final = 0  # what a child without a schedule shows as its next run
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d?:\d\d", re.ASCII)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_moment(read: Moment) -> int:
    return read.seconds * SECOND + read.nanoseconds


def from_datetime(date: datetime | None) -> int:
    """An aware datetime, or None for never."""
    return NEVER if date is None else (date - _START) // timedelta(microseconds=1) * 1000


def parse(text: str) -> int:
    """RFC 3339, or the date and minute that an HTML form sends. Raises ValueError."""
    return from_moment(moment(f"{text}:00Z" if _WITHOUT_ZONE.fullmatch(text) else text))


def show(instant: int) -> str | None:
    """The date in UTC; None when the API can't write it, because its year is not one of 0 to 9999."""
    seconds, nanoseconds = divmod(instant, SECOND)
    days, seconds = divmod(seconds, 86_400)
    year, month, day = calendar_day(days)
    if not 0 <= year <= 9999:
        return None
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}Z"
