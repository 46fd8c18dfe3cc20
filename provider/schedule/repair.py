"""What is wrong with a schedule that Dkron refuses: everything at once, and the whole schedule that works.

Cron, Quartz and Jenkins write some things otherwise. Only what is certainly meant is rewritten, and the result is read
by Dkron's grammar before anybody sees it. Words and rewriting only: whether a schedule is refused is not decided here.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from .fields import PREFIXES, parse_fields, put_hash
from .text import Refused, split_fields

_LONGEST: Final = 200  # longer texts are no schedules that somebody wrote
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SIZES: Final = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_DAY, _WEEKDAY = 3, 5
_RANGE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")
_NAMED_RANGE = re.compile(rf"({'|'.join(_DAYS)})-({'|'.join(_DAYS)})", re.IGNORECASE)
_YEARS = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?")
_EVERY = re.compile(r"@every\s+([0-9]{1,4})([dw])", re.IGNORECASE)
_NTH = re.compile(r"[A-Z0-9]{1,3}#([1-5])", re.IGNORECASE)
_LAST = re.compile(r"L(?:-([0-9]{1,2}))?", re.IGNORECASE)
_LAST_WORKDAY = re.compile(r"LW", re.IGNORECASE)
_NEAREST = re.compile(r"([0-9]{1,2})W", re.IGNORECASE)
_LAST_WEEKDAY = re.compile(r"[A-Z0-9]{1,3}L", re.IGNORECASE)
_NO_LETTERS: Final = "Dkron has no L, W and #"


@dataclass(slots=True)
class Repair:
    """What is wrong, in order, and the schedule that works, "" if there is none."""

    reasons: list[str] = field(default_factory=list)
    works: str = ""
    besides: str = ""  # what has to be done besides writing it

    def because(self, reason: str) -> None:
        if reason not in self.reasons:
            self.reasons.append(reason)

    def words(self) -> str:
        """One line of reasons, and what to write."""
        if self.works:
            return "; ".join([*self.reasons, f'write "{self.works}"{self.besides}'])
        return "; ".join(self.reasons)


def repair(text: str) -> Repair:
    """What is wrong with a refused schedule, as far as it is known here."""
    found = Repair()
    if len(text) > _LONGEST or not text.isprintable():
        return found
    prefix = ""
    if text.startswith(PREFIXES):
        prefix, _, text = text.partition(" ")
        prefix += " "
    works = _descriptor(text, found) if text.startswith("@") else _fields(split_fields(text), found)
    found.works = prefix + works if works else ""
    return found


def _descriptor(text: str, found: Repair) -> str:
    match = _EVERY.fullmatch(text.strip())
    if match is None:
        return ""
    found.because("units are h, m, s and smaller; a day is 24h")
    return f"@every {int(match[1]) * (24 if match[2].lower() == 'd' else 168)}h"


def _fields(texts: list[str], found: Repair) -> str:
    quartz = len(texts) == 7
    if len(texts) == 5:
        found.because("Dkron wants six fields, seconds first: put a 0 in front")
        texts = ["0", *texts]
    elif quartz:
        found.because("Dkron wants six fields, seconds first, and knows no field for the year")
        if not _without_year(texts.pop(), found):
            return ""
    if len(texts) != 6:
        return ""
    fields = [_field(place, part, found, quartz) for place, part in enumerate(texts)]
    _special_days(fields, found)
    works = " ".join(fields)
    try:
        parse_fields(put_hash(works, ""))
    except Refused:
        return ""
    return works if found.reasons else ""


def _without_year(year: str, found: Repair) -> bool:
    """Whether the schedule can do without its year, which then has to be said in another way."""
    if year in ("*", "?"):
        return True
    match = _YEARS.fullmatch(year)
    if match is None:
        found.because(f"the year {year} can't be said in a schedule, and without it the job runs every year")
        return False
    last = int(match[2] or match[1])
    found.besides = (
        f' with starts_at="{match[1]}-01-01T00:00:00Z" and expires_at="{last + 1}-01-01T00:00:00Z", '
        "for without its year it runs every year"
    )
    return True


def _field(place: int, text: str, found: Repair, quartz: bool) -> str:
    if text == "H":
        found.because('Dkron writes "~" where others write H')
        return "~"
    return ",".join(_part(place, part, found, quartz) for part in text.split(","))


def _part(place: int, part: str, found: Repair, quartz: bool) -> str:
    span, slash, step = part.partition("/")
    numbers, names = _RANGE.fullmatch(span), _NAMED_RANGE.fullmatch(span)
    if place == _WEEKDAY and quartz and (numbers or span.isdecimal()):
        found.because("weekdays are 0 to 6, Sunday is 0 (Quartz counts from 1)")
        span = "-".join(str((int(number) - 1) % 7) for number in span.split("-"))
        numbers = _RANGE.fullmatch(span)
    elif place == _WEEKDAY and "7" in (span, *(numbers.groups() if numbers else ())):
        found.because("weekdays are 0 to 6, Sunday is 0")
        if span == "7":
            span = "0"
        elif numbers and not slash:
            return _range(0 if numbers[1] == "7" else int(numbers[1]), 7 if numbers[1] != "7" else int(numbers[2]))
    if slash:
        return f"{span}/{step}"
    if numbers and int(numbers[1]) > int(numbers[2]):
        found.because("a range can't wrap round: write both parts, such as 22-23,0-2")
        low, high = _SIZES[place]
        return f"{_range(int(numbers[1]), high)},{_range(low, int(numbers[2]))}"
    if names and place == _WEEKDAY:
        first, last = (_DAYS.index(name.upper()) for name in names.groups())
        if first > last:
            found.because("a range can't wrap round: name the days one by one")
            return ",".join(_DAYS[day % 7] for day in range(first, last + 8))
    return span


def _range(first: int, last: int) -> str:
    """A range of numbers; a weekday 7 at its end is Sunday, 0."""
    if last == 7:
        return f"{_range(first, 6)},0" if first else "0-6"
    return str(first) if first == last else f"{first}-{last}"


def _special_days(fields: list[str], found: Repair) -> None:
    """L, W and # become the days among which the one that is meant always is; the command has to choose it."""
    day, weekday = fields[_DAY], fields[_WEEKDAY]
    if not re.search(r"[LW#]", re.sub("JUL|WED", "", f"{day} {weekday}".upper())):
        return
    found.because(_NO_LETTERS)
    days = _days_among(day, weekday)
    if days:
        fields[_DAY], fields[_WEEKDAY] = days, "?"
        found.besides = f", with a test for the day in the command{found.besides}"


def _days_among(day: str, weekday: str) -> str:
    if match := _NTH.fullmatch(weekday):
        first = (int(match[1]) - 1) * 7 + 1
        return f"{first}-{min(first + 6, 31)}"
    if _LAST_WEEKDAY.fullmatch(weekday):
        return "22-31"
    if _LAST_WORKDAY.fullmatch(day):
        return "26-31"
    if match := _NEAREST.fullmatch(day):
        number = int(match[1])
        return f"{max(number - 1, 1)}-{3 if number == 1 else min(number + 1, 31)}"
    if match := _LAST.fullmatch(day):
        before = int(match[1] or 0)
        return f"{28 - before}-{31 - before}" if before < 28 else ""
    return ""
