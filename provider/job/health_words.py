"""A job's health in the words of a colleague: for the page, the status command and messages. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from .health import Health, State

_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_CURE: Final = "`python -m jobs recreate` cures it"


def span(length: timedelta) -> str:
    """Such as "6 days", "1 hour" or "40 minutes": whole units, rounded down."""
    seconds = max(1, int(length.total_seconds()))
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return plural(seconds // size, unit)


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def in_words(health: Health, now: datetime, zone: tzinfo = UTC) -> str:
    """The state in a few words; clock times in the zone given."""
    words = _state(health, now, zone)
    if health.missed is not None:
        words += f"; missed its run of {_clock(health.missed, zone)} while Dkron was down"
    return words


def _state(health: Health, now: datetime, zone: tzinfo) -> str:
    since = f"since {_clock(health.since, zone)}, {span(now - health.since)}" if health.since else ""
    match health.state:
        case State.OVERDUE:
            return f"overdue {since}"
        case State.STUCK if health.lost:
            return f"stuck {since}: Dkron takes a lost run for unfinished and skips the job; {_CURE}"
        case State.STUCK:
            return f"stuck: running {since}, longer than its time limit allows"
        case State.RUNNING:
            return f"running {since}"
        case State.FAILING if health.never:
            return f"failed {'once' if health.times == 1 else f'{health.times} times'}, never succeeded"
        case State.FAILING:
            return f"failed {health.times} times in a row, {since}"
        case State.FAILED if health.since:
            return f"failed at {_clock(health.since, zone)}, {span(now - health.since)} ago"
        case State.WAITING:
            return "not due yet"
        case State.OFF:
            return "switched off"
        case state:
            return state.value


def _clock(when: datetime, zone: tzinfo) -> str:
    return f"{when.astimezone(zone):%H:%M}"


def summary(found: Iterable[Health]) -> str:
    """What is not well, worst first: "1 overdue, 2 failing"; "" if all is well."""
    found = list(found)
    counts = Counter(health.state for health in found)
    words = [f"{counts[state]} {state.value}" for state in State if state.trouble and counts[state]]
    missed = sum(health.missed is not None for health in found)
    if missed:
        words.append(f"{missed} missed a run while Dkron was down")
    return ", ".join(words)
