"""Warnings about schedules that Dkron takes and that then do something else than their author thinks. Pure."""

import re
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final

from ..advice import Advice
from .fields import Fields
from .moments import Moment, calendar_day
from .search import straight
from .words import one_line
from .zones import Zone

_DAY: Final = 86400
_YEAR: Final = 366 * _DAY
_ALL_HOURS: Final = 2**24 - 1
_TURNED = re.compile(r"Etc/GMT([+-])[1-9][0-9]?")


def advice(text: str, rule: Fields | Moment | int | None, zone: str, clock: Zone, now: datetime) -> list[Advice]:
    """One piece of advice per doubt about a schedule that runs by the clock `clock` of the zone named `zone`."""
    found = []
    if zone == "Local":
        found.append(
            Advice("timezone-local", "timezone Local is the zone of whichever Dkron server leads; name the zone itself")
        )
    if sign := _TURNED.fullmatch(zone):
        side = "west" if sign[1] == "+" else "east"
        found.append(Advice("zone-sign", f"{zone} lies {side} of Greenwich: in these names the sign is turned round"))
    if isinstance(rule, int):
        found += _interval_advice(text, rule)
    if isinstance(rule, Fields):
        found += _field_advice(rule)
        if rule.hours != _ALL_HOURS and not rule.empty:
            found += _clock_advice(rule, zone, clock, int(now.timestamp()))
    return found


def pace(rule: Fields | Moment | int | None) -> int | None:
    """The shortest time between two runs in seconds, as far as it is less than a day; None if there is none."""
    if isinstance(rule, int):
        return rule
    if not isinstance(rule, Fields) or rule.empty:
        return None
    scales = ((rule.seconds, 1, 60), (rule.minutes, 60, 60), (rule.hours, 3600, 24))
    for place, (bits, unit, size) in enumerate(scales):
        numbers = [number for number in range(size) if bits >> number & 1]
        gaps = [(after - before) * unit for before, after in pairwise(numbers)]
        if gaps:
            # Over the end of the unit the next run may be nearer, if the larger unit has neighbours.
            over = [(numbers[0] + size - numbers[-1]) * unit]
            larger = scales[place + 1][0] if place < len(scales) - 1 else -1
            return min(gaps + (over if larger & larger >> 1 else []))
    return None


def _interval_advice(text: str, seconds: int) -> list[Advice]:
    amount = text.rpartition(" ")[2]
    if amount.startswith("-"):
        return [Advice("interval-rounded", f"{one_line(text)} is negative: Dkron runs it every second")]
    if seconds == 1 and amount not in ("1s", "1000ms"):
        line = f"{one_line(text)}: Dkron counts whole seconds, and at least one: it runs every second"
        return [Advice("interval-rounded", line)]
    return []


def _field_advice(fields: Fields) -> list[Advice]:
    found = []
    if not fields.star and fields.days and fields.weekdays:
        line = (
            f"day {one_line(fields.texts[3], 40)} and weekday {one_line(fields.texts[5], 40)}: it runs on days that "
            "match either of them, not only on those that match both"
        )
        found.append(Advice("day-or-weekday", line))
    found += [
        Advice("ignored-text", f"Dkron ignores what follows {part[0]} in {one_line(part, 40)}")
        for part in ",".join(fields.texts).split(",")
        if part.startswith(("*-", "?-"))
    ]
    return found


@lru_cache(maxsize=256)
def _changes(clock: Zone, day: int) -> list[tuple[int, int, int]]:
    """The changes of a clock in the year from a day on; remembered, because a look costs 8 ms."""
    return clock.changes(day * _DAY, day * _DAY + _YEAR) if clock.fixed is None else []


def _clock_advice(fields: Fields, zone: str, clock: Zone, start: int) -> list[Advice]:
    """The runs of the coming year that fall out or come twice because the clock is put forward or back."""
    found: dict[bool, Advice] = {}
    for instant, before, after in _changes(clock, start // _DAY):
        low, high = sorted((instant + before, instant + after))
        match = straight(fields, low)
        if match is None or match >= high:
            continue
        date = "{:04}-{:02}-{:02}".format(*calendar_day(match // _DAY))
        time = f"{match // 3600 % 24:02}:{match // 60 % 60:02}"
        forward = after > before
        line = (
            f"{one_line(zone)} has no {time} on {date}, the clock is put forward: that run is left out"
            if forward
            else f"{one_line(zone)} has {time} twice on {date}, the clock is put back: it runs twice"
        )
        found.setdefault(forward, Advice("clock-change", line))
    return list(found.values())
