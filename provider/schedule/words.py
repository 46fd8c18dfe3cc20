"""A schedule in English, and the way out when one is refused. Words only: nothing here decides, nothing here raises."""

import re
from typing import Final

from .fields import Fields

_DAY_NAMES: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_NAMES: Final = (
    *("", "January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNITS: Final = ((3600, "hour"), (60, "minute"), (1, "second"))
_FULL: Final = {"seconds": 2**60 - 1, "minutes": 2**60 - 1, "hours": 2**24 - 1}
_ALL_DAYS: Final = 2**32 - 2
_ALL_MONTHS: Final = 2**13 - 2
_ALL_WEEKDAYS: Final = 2**7 - 1


def interval_words(seconds: int) -> str:
    """Such as "every 90 seconds", "every 2 hours" or "every second"."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def field_words(fields: Fields) -> str:
    """Such as "at 02:15:00 every day" or "every 5 minutes on Monday to Friday"; names the fields if that gets long."""
    if fields.empty:
        return "never, because a field names nothing"
    time, dates = _time_words(fields), _date_words(fields)
    if time is None:
        names = ("second", "minute", "hour", "day", "month", "weekday")
        return ", ".join(f"{name} {_short(text)}" for name, text in zip(names, fields.texts, strict=True))
    if dates == "every day" and "every " in time:
        return time
    return f"{time} {dates}"


def _time_words(fields: Fields) -> str | None:
    seconds, minutes, hours = (_numbers(bits) for bits in (fields.seconds, fields.minutes, fields.hours))
    count = len(seconds) * len(minutes) * len(hours)
    if count <= 4:
        times = [f"{hour:02}:{minute:02}:{second:02}" for hour in hours for minute in minutes for second in seconds]
        return f"at {_list(times)}"
    every_hour = fields.hours == _FULL["hours"]
    if every_hour and fields.minutes == _FULL["minutes"]:
        return _steps(seconds, 60, "second", 1)
    if every_hour and seconds == [0]:
        return _steps(minutes, 60, "minute", 60)
    if every_hour and len(minutes) == len(seconds) == 1:
        return f"every hour at {minutes[0]:02}:{seconds[0]:02}"
    if minutes == [0] and seconds == [0]:
        return _steps(hours, 24, "hour", 3600)
    return None


def _steps(numbers: list[int], size: int, unit: str, seconds: int) -> str | None:
    """The words for numbers that are evenly spread over the whole of the next larger unit."""
    step = size // len(numbers)
    if numbers == list(range(0, size, step)):
        return interval_words(step * seconds) if len(numbers) > 1 else interval_words(size * seconds)
    return (
        None if len(numbers) > 4 else f"at {unit} {_list([str(number) for number in numbers])} of every {_OVER[unit]}"
    )


_OVER: Final = {"second": "minute", "minute": "hour", "hour": "day"}


def _date_words(fields: Fields) -> str:
    days = "" if fields.days & _ALL_DAYS == _ALL_DAYS else _days(_numbers(fields.days))
    weekdays = "" if fields.weekdays == _ALL_WEEKDAYS else _weekdays(_numbers(fields.weekdays))
    if not fields.star and not (days and weekdays):
        # Either is enough, and one of them is every day.
        days = weekdays = ""
    elif days and weekdays:
        days, weekdays = f"{days} {'and' if fields.star else 'or'} {weekdays}", ""
    words = [days or weekdays or "every day"]
    if fields.months != _ALL_MONTHS:
        words.append("in " + _list([_MONTH_NAMES[number] for number in _numbers(fields.months)]))
    return " ".join(words)


def _days(numbers: list[int]) -> str:
    if not numbers:
        return "on no day"
    return f"on day {_list([str(number) for number in numbers])}" + (" of the month" if len(numbers) < 5 else "")


def _weekdays(numbers: list[int]) -> str:
    if not numbers:
        return "on no weekday"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"on {_DAY_NAMES[numbers[0]]} to {_DAY_NAMES[numbers[-1]]}"
    return "on " + _list([_DAY_NAMES[number] for number in numbers])


def _numbers(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def one_line(text: str, limit: int = 200) -> str:
    """The text on one line that can be printed anywhere, shortened in the middle."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}...{text[-limit // 2 :]}"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _short(text: str) -> str:
    return one_line(text, 40)


_HINTS: Final = (
    (r"expected exactly 6", "Dkron wants six fields: second minute hour day month weekday"),
    (r"^empty spec", 'write six fields, or "@manually" for a job that is only started by hand'),
    (r"beyond end of range", "a range can't wrap round: write both parts, such as 22-23,0-2"),
    (r"unknown unit .*[dwy]", "units are h, m, s and smaller; a day is 24h"),
    (r"missing unit", "give the unit, such as 90s, 5m or 1h30m"),
    (r"unrecognized descriptor: @reboot", "Dkron has no @reboot"),
    (r"unrecognized descriptor: @at$", "give the date, such as @at 2030-01-02T03:04:05Z"),
    (r"unrecognized descriptor: @every$", "give the interval, such as @every 1h30m"),
    (r"unrecognized descriptor: @(at|manually|minutely)\b", "it can't be had with a zone in front"),
    (
        r"unrecognized descriptor",
        "there are @yearly @monthly @weekly @daily @hourly @minutely @manually @every @at, in lower case",
    ),
    (r"parsing time", "dates look like 2030-01-02T03:04:05Z or 2030-01-02T03:04:05+01:00"),
    (r"bad location", "zones are written as Europe/Berlin, in exactly that case"),
)


def hint(reason: str) -> str:
    """The way out of a refusal, "" where there is no obvious one. The reason is in Dkron's words."""
    tail = one_line(reason, 400)
    return next((words for pattern, words in _HINTS if re.search(pattern, tail)), "")
