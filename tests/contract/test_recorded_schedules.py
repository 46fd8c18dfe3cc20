"""Verdicts and next runs, held against everything that was recorded of Dkron 4.0.9.

The files in tests/data/dkron-4.0.9 are the server's answers. `next` there was computed in the server's own zone,
whatever the job's timezone field said, so the field is left out when it is compared.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provider.job.names import check_name, check_timezone
from provider.job.names_letters import LOWER_CASE
from provider.schedule import ScheduleError, parse

DATA = Path(__file__).parents[1] / "data" / "dkron-4.0.9"
PREFIX = "Job validation failed: can't parse job schedule: "
NEVER = "0001-01-01T00:00:00Z"


def text_of(value: Any) -> str:
    """The text of a recorded value: as it is, or put together from its markers."""
    if isinstance(value, str):
        return value
    if "$repeat" in value:
        character, count = value["$repeat"]
        return str(character) * int(count)
    return "".join(map(text_of, value["$concat"]))


def load(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return entries


SCHEDULES = load("schedules.json")
ZONES = [entry for entry in load("timezones.json") if "server_TZ" not in entry]
ELSEWHERE = [entry for entry in load("timezones.json") if "server_TZ" in entry]


def label(value: Any) -> str:
    return ascii(value)[:60]


def as_recorded(date: datetime | None) -> str:
    if date is None:
        return NEVER
    fraction = f".{date.microsecond:06}".rstrip("0").rstrip(".") if date.microsecond else ""
    return f"{date:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + "Z"


def test_every_recorded_entry_is_looked_at() -> None:
    accepted = sum(entry["accepted"] for entry in SCHEDULES)
    assert (len(SCHEDULES), accepted) == (700, 418)
    assert (len(ZONES) + len(ELSEWHERE), len(ELSEWHERE)) == (100, 7)
    assert len(load("names.json")) == 150
    assert len(NAMES) == 145


@pytest.mark.parametrize("entry", SCHEDULES, ids=lambda entry: label(entry["schedule"]))
def test_a_schedule_gets_the_verdict_of_dkron(entry: dict[str, Any]) -> None:
    text, name = text_of(entry["schedule"]), text_of(entry["name"])
    if entry["accepted"]:
        assert parse(text, name).text == text
        assert check_timezone(entry["timezone"]) is None
        return
    if entry["error"] and not entry["error"].startswith(PREFIX):
        assert check_timezone(entry["timezone"]) is not None
        # Refused for its timezone; the schedule itself is one that is accepted elsewhere.
        assert parse(text, name).text == text
        return
    with pytest.raises(ScheduleError) as caught:
        parse(text, name)
    assert caught.value.text == text
    if entry["status"] == 400 and "\u2026(cut" not in entry["error"]:
        assert f"{PREFIX}{caught.value.reason}." == entry["error"]


@pytest.mark.parametrize(
    "entry",
    [entry for entry in SCHEDULES if entry["accepted"] and entry["next"]],
    ids=lambda entry: label(entry["schedule"]),
)
def test_the_next_run_is_the_one_that_dkron_computed(entry: dict[str, Any]) -> None:
    schedule = parse(text_of(entry["schedule"]), text_of(entry["name"]))
    at = datetime.fromisoformat(entry["at"])
    # `at` is just before the request, so the server's clock may have been some milliseconds further on.
    allowed = {as_recorded(schedule.next_run(at + timedelta(milliseconds=late))) for late in (0, 25)}
    if "." in entry["next"]:
        # Nanoseconds are cut to the microseconds that a datetime holds.
        whole, fraction = entry["next"].rstrip("Z").split(".")
        assert f"{whole}.{fraction[:6].rstrip('0')}Z" in allowed
    else:
        assert entry["next"] in allowed


@pytest.mark.parametrize("entry", ZONES, ids=lambda entry: label(entry["timezone"]))
def test_a_zone_gets_the_verdict_of_dkron_as_a_field_and_as_a_prefix(entry: dict[str, Any]) -> None:
    zone = text_of(entry["timezone"])
    assert (check_timezone(zone) is None) is entry["accepted"]
    prefixed = entry["as_schedule_prefix"]
    if prefixed is None:
        return
    if not prefixed["accepted"]:
        with pytest.raises(ScheduleError) as caught:
            parse(text_of(prefixed["schedule"]))
        assert "\u2026(cut" in prefixed["error"] or f"{PREFIX}{caught.value.reason}." == prefixed["error"]
        return
    at = datetime.fromisoformat(entry["at"])
    schedule = parse(text_of(prefixed["schedule"]))
    assert as_recorded(schedule.next_run(at)) == prefixed["next"]
    if zone not in ("", "Local"):
        assert schedule.next_run(at) == parse("0 0 3 * * *").next_run(at, zone)


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: label((entry["timezone"], entry["schedule"])))
def test_the_scheduler_uses_the_zone_that_the_field_names(entry: dict[str, Any]) -> None:
    # After a run, Dkron shows the later of the time at POST (in the server's zone) and the scheduler's own.
    text, at = entry["schedule"], datetime.fromisoformat(entry["at"])
    schedule = parse(text)
    prefix = "" if text.startswith("TZ=") else f"TZ={entry['server_TZ']} "
    at_post = parse(prefix + text).next_run(at)
    assert as_recorded(at_post) == entry["next_with_field"]
    zoned = schedule.takes_timezone and entry["timezone"] not in ("", "Local")
    real = schedule.next_run(at, entry["timezone"]) if zoned else at_post
    assert at_post is not None
    assert real is not None
    assert as_recorded(max(at_post, real)) == entry["next_after_a_run"]


def name_of(entry: dict[str, Any]) -> str | None:
    """The name that was sent; None if what was sent was no text at all."""
    if entry["name"] is not None:
        return text_of(entry["name"])
    try:
        name = json.loads(entry["raw_json_value"])
    except ValueError:
        return None
    return name if isinstance(name, str) else None


NAMES = [(name, entry["accepted"]) for entry in load("names.json") if (name := name_of(entry)) is not None]


@pytest.mark.parametrize(("name", "accepted"), NAMES, ids=label)
def test_a_name_gets_the_verdict_of_dkron(name: str, accepted: bool) -> None:
    assert (check_name(name) is None) is accepted


def test_single_characters_get_the_verdict_of_dkron() -> None:
    recorded = json.loads((DATA / "names_unicode.json").read_text(encoding="utf-8"))
    extra = [chr(int(entry["codepoint"][2:], 16)) for entry in recorded["accepted_though_not_Ll_in_python"]]
    assert [letter for letter in extra if check_name(letter) is not None] == []
    assert recorded["lower_case_in_python_but_rejected"] == []
    assert len(LOWER_CASE) == recorded["lower_case_letters_in_python"] + 6
    assert check_name("".join(sorted(LOWER_CASE))) is None
    # Every character of the blocks that hold letters, digits and what looks like them.
    blocks = [range(0x3400), range(0xA000, 0xAC00), range(0xF900, 0x10000), range(0x10400, 0x10E00)]
    blocks += [range(0x11800, 0x11900), range(0x16E00, 0x16F00), range(0x1D400, 0x1E000), range(0x1E900, 0x1EA00)]
    allowed = {*map(ord, LOWER_CASE), *map(ord, "0123456789_-")}
    codes = [code for block in blocks for code in block]
    assert [code for code in codes if (check_name(chr(code)) is None) is not (code in allowed)] == []
    assert {*map(ord, LOWER_CASE)} <= set(codes)


def test_recorded_times_are_written_in_utc() -> None:
    assert as_recorded(datetime(26, 1, 2, 3, 4, 5, 120000, tzinfo=UTC)) == "0026-01-02T03:04:05.12Z"
