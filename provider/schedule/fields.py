"""The six fields of a schedule as sets of numbers, one bit each, and the `~` that stands for a hash of the job's name.

What Dkron accepts by accident ("*-foo", ",", "+5") is accepted here too, and what it refuses (7 for Sunday, ranges that
wrap round) is refused, in its words. Knows nothing of clocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .text import Refused, as_sent, lower, split_fields, whole_number

HASH: Final = "~"
PREFIXES: Final = ("TZ=", "CRON_TZ=")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Fields:
    """Bit n of a field is set if n matches. A star in days or weekdays means both must match, else one is enough."""

    seconds: int
    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    star: bool  # days or weekdays hold a "*" or "?" that no step restricts
    texts: tuple[str, ...]  # the six fields as written, for words

    def month_days(self, first_weekday: int) -> int:
        """The days of a month that match, as bits 1 to 31 (and beyond), given the weekday of the 1st (Sunday is 0)."""
        turned = (self.weekdays >> first_weekday | self.weekdays << (7 - first_weekday)) & 0x7F
        by_weekday = (turned | turned << 7 | turned << 14 | turned << 21 | turned << 28) << 1
        return self.days & by_weekday if self.star else self.days | by_weekday

    @property
    def empty(self) -> bool:
        """Whether no moment can match, whatever the calendar: a field such as "," names nothing."""
        days = (self.days and self.weekdays) if self.star else (self.days or self.weekdays)
        return not (self.seconds and self.minutes and self.hours and days and self.months)


@dataclass(frozen=True)
class _Bounds:
    low: int
    high: int
    names: Mapping[str, int]


_BOUNDS = (
    _Bounds(0, 59, {}),
    _Bounds(0, 59, {}),
    _Bounds(0, 23, {}),
    _Bounds(1, 31, {}),
    _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Bounds(0, 6, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


def parse_fields(text: str) -> Fields:
    """The six fields of a text without zone prefix; Refused otherwise."""
    texts = split_fields(text)
    if len(texts) != len(_BOUNDS):
        raise Refused(f"expected exactly 6 fields, found {len(texts)}: [{' '.join(texts)}]")
    sets = [_field(field, bounds) for field, bounds in zip(texts, _BOUNDS, strict=True)]
    star = sets[3][1] or sets[5][1]
    second, minute, hour, day, month, weekday = (bits for bits, _ in sets)
    return Fields(second, minute, hour, day, month, weekday, star, tuple(texts))


def _field(text: str, bounds: _Bounds) -> tuple[int, bool]:
    """The bits of a field, a list of ranges, and whether one of them is a star. Empty parts count for nothing."""
    bits, star = 0, False
    for part in text.split(","):
        if part:
            more, is_star = _range(part, bounds)
            bits |= more
            star |= is_star
    return bits, star


def _range(part: str, bounds: _Bounds) -> tuple[int, bool]:
    span, *steps = part.split("/")
    first, *last = span.split("-")
    # What follows "*-" is never looked at.
    star = first in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        low = _number(first, bounds)
        if len(last) > 1:
            raise Refused(f"too many hyphens: {part}")
        high = _number(last[0], bounds) if last else low
    if len(steps) > 1:
        raise Refused(f"too many slashes: {part}")
    step = whole_number(steps[0]) if steps else 1
    if steps and not last:
        high = bounds.high
    _check_range(part, low, high, step, bounds)
    if step == 1:
        return (2 << high) - (1 << low), star
    return sum(1 << number for number in range(low, high + 1, step)), False


def _check_range(part: str, low: int, high: int, step: int, bounds: _Bounds) -> None:
    if low < bounds.low:
        raise Refused(f"beginning of range ({low}) below minimum ({bounds.low}): {part}")
    if high > bounds.high:
        raise Refused(f"end of range ({high}) above maximum ({bounds.high}): {part}")
    if low > high:
        raise Refused(f"beginning of range ({low}) beyond end of range ({high}): {part}")
    if step == 0:
        raise Refused(f"step of range should be a positive number: {part}")


def _number(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(lower(text)) if len(text) == 3 else None
    return whole_number(text) if named is None else named


def put_hash(text: str, name: str) -> str:
    """The text with every "~" replaced by the job's number for that field: the sum of its name's code points.

    The fields are counted at single spaces, so two spaces in a row, or a tab, shift the count (recorded: group hash).
    """
    if HASH not in text:
        return text
    total = sum(map(ord, as_sent(name)))
    numbers = [total % 60, total % 60, total % 24, total % 28 + 1, total % 12 + 1, total % 7]
    parts = text.split(" ")
    field = 0
    for index, part in enumerate(parts):
        if part.startswith("@"):
            return text
        if part.startswith(PREFIXES):
            continue
        parts[index] = part.replace(HASH, str(numbers[field] if field < len(numbers) else total % 60))
        field += 1
    return " ".join(parts)
