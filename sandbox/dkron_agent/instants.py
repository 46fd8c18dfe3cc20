"""Instants: whole nanoseconds since 1970 in UTC, read from and written as the API's dates.

Plain integers, because Dkron takes dates in years that `datetime` can't hold.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from provider.schedule.moments import Moment, moment, shown, without_zone

SECOND: Final = 10**9
NEVER: Final = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z
EPOCH: Final = 0  # what a child without a schedule shows as its next run
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_moment(read: Moment) -> int:
    return read.seconds * SECOND + read.nanoseconds


def from_datetime(date: datetime | None) -> int:
    """An aware datetime, or None for never."""
    return NEVER if date is None else (date - _START) // timedelta(microseconds=1) * 1000


def parse(text: str) -> int:
    """RFC 3339, or the date and minute that an HTML form sends. Raises ValueError."""
    return from_moment(moment(f"{text}:00Z" if without_zone(text) else text))


def show(instant: int) -> str | None:
    """The date in UTC; None when the API can't write it, because its year is not one of 0 to 9999."""
    return shown(Moment(*divmod(instant, SECOND)))
