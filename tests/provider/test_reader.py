"""The reader of settings: what its judges take, and that every problem is told once, at the end."""

from collections.abc import Callable
from typing import Any

import pytest

from provider.errors import SettingsError
from provider.reader import Reader, boolean, one_of, whole_number


def told(name: str, value: str, reason: str) -> str:
    return f"{name}={value} {reason}"


@pytest.mark.parametrize(
    ("judge", "text", "wanted"),
    [
        (boolean, "TRUE", True),
        (boolean, "0", False),
        (one_of("keep", "off"), "Off", "off"),
        (whole_number(0), "0", 0),
        (whole_number(1, 4096), "4096", 4096),
    ],
)
def test_a_judge_gives_the_value(judge: Callable[[str], object], text: str, wanted: object) -> None:
    reader = Reader({"X": f" {text} "}.get, told)
    assert reader.judged("X", judge, None) == wanted
    reader.end()


@pytest.mark.parametrize(
    ("judge", "text", "reason"),
    [
        (boolean, "yes", "must be true or false"),
        (one_of("keep", "off"), "on", "must be keep or off"),
        (whole_number(0), "-1", "must be a whole number"),
        (whole_number(0), "１", "must be a whole number"),
        (whole_number(0), "9" * 13, "must be a whole number"),
        (whole_number(5), "4", "must be at least 5"),
        (whole_number(1, 4096), "4097", "must be at most 4096"),
    ],
)
def test_a_wrong_value_is_told_and_the_default_holds(judge: Callable[[str], Any], text: str, reason: str) -> None:
    reader = Reader({"X": text}.get, told)
    assert reader.judged("X", judge, "default") == "default"
    with pytest.raises(SettingsError) as caught:
        reader.end()
    assert caught.value.problems == (f"X={text} {reason}",)


def test_no_value_is_the_default_and_no_problem() -> None:
    reader = Reader({"X": "  "}.get, told)
    assert (reader.text("X"), reader.judged("X", boolean, True)) == ("", True)
    reader.end()


def test_a_value_that_can_t_be_looked_up_is_told_once() -> None:
    def lookup(name: str) -> str:
        raise SettingsError([f"{name}_FILE: cannot read"])

    reader = Reader(lookup, told)
    assert (reader.text("X"), reader.judged("X", boolean, False)) == ("", False)
    with pytest.raises(SettingsError) as caught:
        reader.end()
    assert caught.value.problems == ("X_FILE: cannot read",)
