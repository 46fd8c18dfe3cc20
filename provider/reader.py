"""One way to read settings: look a value up, judge it, gather what is wrong, so that all of it is told at once.

It knows no setting by name. A judge turns text into a value, or raises ValueError with what the setting must be.
"""

from collections.abc import Callable
from typing import TypeVar

from .errors import SettingsError

T = TypeVar("T")


class Reader:
    """Settings by name. `lookup` may raise SettingsError; `told` makes a line of a name, its value and a reason."""

    def __init__(self, lookup: Callable[[str], str | None], told: Callable[[str, str, str], str]) -> None:
        self._lookup, self._told = lookup, told
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """The value without white space around it, "" where there is none."""
        try:
            return (self._lookup(name) or "").strip()
        except SettingsError as error:
            self.problems.extend(error.problems)
            return ""

    def judged(self, name: str, judge: Callable[[str], T], default: T) -> T:
        """What `judge` makes of the value; `default` where there is none or a wrong one."""
        value = self.text(name)
        try:
            return judge(value) if value else default
        except ValueError as error:
            self.malformed(name, str(error), value)
            return default

    def both(self, first: str, second: str) -> bool:
        """Whether two settings that belong together are given; one without the other is a problem."""
        given = [name for name in (first, second) if self.text(name)]
        if len(given) == 1:
            self.malformed(second if given == [first] else first, f"is not set, but {given[0]} is")
        return len(given) == 2

    def malformed(self, name: str, reason: str, value: str = "") -> None:
        self.problems.append(self._told(name, value, reason))

    def end(self) -> None:
        """Raises SettingsError if anything was wrong."""
        if self.problems:
            raise SettingsError(dict.fromkeys(self.problems))


def boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "1")


def one_of(*choices: str) -> Callable[[str], str]:
    def judge(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be {' or '.join(choices)}")
        return text.lower()

    return judge


def whole_number(least: int, most: int = 10**12 - 1) -> Callable[[str], int]:
    def judge(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise ValueError("must be a whole number")
        if int(text) < least:
            raise ValueError(f"must be at least {least}")
        if int(text) > most:
            raise ValueError(f"must be at most {most}")
        return int(text)

    return judge
