"""Warnings about schedules that Dkron takes and that then do something else than their author thinks. Pure."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from .fields import Fields
from .moments import Moment, calendar_day
from .search import straight
from .words import one_line
from .zones import Zone

_DAY: Final = 86400
_YEAR: Final = 366 * _DAY
_ALL_HOURS: Final = 2**24 - 1


def advice(text: str, rule: Fields | Moment | int | None, zone: str, clock: Zone, now: datetime) -> list[str]:
    """One line per doubt about a schedule that runs by the clock `clock` of the zone named `zone`."""
    lines = []
    if zone == "Local":
        lines.append("timezone Local is the zone of whichever Dkron server leads; name the zone itself")
    if isinstance(rule, int):
        lines += _interval_advice(text, rule)
    if isinstance(rule, Fields):
        lines += _field_advice(rule)
        if rule.hours != _ALL_HOURS and not rule.empty:
            lines += _clock_advice(rule, zone, clock, int(now.timestamp()))
    return lines


def _interval_advice(text: str, seconds: int) -> list[str]:
    amount = text.rpartition(" ")[2]
    if amount.startswith("-"):
        return [f"{one_line(text)} is negative: Dkron runs it every second"]
    if seconds == 1 and amount not in ("1s", "1000ms"):
        return [f"{one_line(text)}: Dkron counts whole seconds, and at least one: it runs every second"]
    return []


def _field_advice(fields: Fields) -> list[str]:
    lines = []
    if not fields.star and fields.days and fields.weekdays:
        lines.append(
            f"day {one_line(fields.texts[3], 40)} and weekday {one_line(fields.texts[5], 40)}: it runs on days that "
            "match either of them, not only on those that match both"
        )
    lines += [
        f"Dkron ignores what follows {part[0]} in {one_line(part, 40)}"
        for part in ",".join(fields.texts).split(",")
        if part.startswith(("*-", "?-"))
    ]
    return lines


@lru_cache(maxsize=256)
def _changes(clock: Zone, day: int) -> list[tuple[int, int, int]]:
    """The changes of a clock in the year from a day on; remembered, because a look costs 8 ms."""
    return clock.changes(day * _DAY, day * _DAY + _YEAR) if clock.fixed is None else []


def _clock_advice(fields: Fields, zone: str, clock: Zone, start: int) -> list[str]:
    """The runs of the coming year that fall out or come twice because the clock is put forward or back."""
    lines: dict[bool, str] = {}
    for instant, before, after in _changes(clock, start // _DAY):
        low, high = sorted((instant + before, instant + after))
        match = straight(fields, low)
        if match is None or match >= high:
            continue
        date = "{:04}-{:02}-{:02}".format(*calendar_day(match // _DAY))
        time = f"{match // 3600 % 24:02}:{match // 60 % 60:02}"
        forward = after > before
        lines.setdefault(
            forward,
            f"{one_line(zone)} has no {time} on {date}, the clock is put forward: that run is left out"
            if forward
            else f"{one_line(zone)} has {time} twice on {date}, the clock is put back: it runs twice",
        )
    return list(lines.values())
