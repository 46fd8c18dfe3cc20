"""The windows of FREEZE: what they hold, also where daylight saving begins and ends, and what is none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.freeze import frozen_until, parse

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "now", "until"),
    [
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-11-27T16:59:59+00:00", None),
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-11-27T17:00:00+00:00", "2026-11-30T05:00:00+00:00"),
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-11-30T04:59:59+00:00", "2026-11-30T05:00:00+00:00"),
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-11-30T05:00:00+00:00", None),
        ("fri  18:00 - MON 06:00", "2026-11-27T17:59:59+00:00", None),
        ("fri  18:00 - MON 06:00", "2026-11-27T18:00:00+00:00", "2026-11-30T06:00:00+00:00"),
        ("Wed 09:00-Wed 17:00 UTC", "2026-11-25T12:00:00+00:00", "2026-11-25T17:00:00+00:00"),
        ("Wed 09:00-Wed 17:00 UTC", "2026-11-26T12:00:00+00:00", None),
        ("Wed 17:00-Wed 09:00 UTC", "2026-11-25T12:00:00+00:00", None),
        ("Wed 17:00-Wed 09:00 UTC", "2026-11-25T08:59:00+00:00", "2026-11-25T09:00:00+00:00"),
        ("Wed 17:00-Wed 09:00 UTC", "2026-11-30T08:59:00+00:00", "2026-12-02T09:00:00+00:00"),
        ("Mon 00:00-Tue 00:00; Mon 12:00-Wed 00:00,", "2026-11-30T13:00:00+00:00", "2026-12-02T00:00:00+00:00"),
        ("", "2026-11-30T13:00:00+00:00", None),
        # Clocks go forward at 2026-03-29T01:00Z: 02:30 is jumped over.
        ("Sun 02:30-Sun 12:00 Europe/Berlin", "2026-03-29T01:29:59+00:00", None),
        ("Sun 02:30-Sun 12:00 Europe/Berlin", "2026-03-29T01:30:00+00:00", "2026-03-29T10:00:00+00:00"),
        ("Sat 12:00-Sun 02:30 Europe/Berlin", "2026-03-29T01:29:59+00:00", "2026-03-29T01:30:00+00:00"),
        # Clocks go back at 2026-10-25T01:00Z: 02:30 comes twice.
        ("Sun 02:30-Sun 12:00 Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25T11:00:00+00:00"),
        ("Sat 12:00-Sun 02:30 Europe/Berlin", "2026-10-25T01:29:59+00:00", "2026-10-25T01:30:00+00:00"),
        ("Sat 12:00-Sun 02:30 Europe/Berlin", "2026-10-25T01:30:00+00:00", None),
        # A week with a change in it: the end is by the clock on the wall.
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-10-24T12:00:00+00:00", "2026-10-26T05:00:00+00:00"),
        ("Fri 18:00-Mon 06:00 Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-30T04:00:00+00:00"),
        ("Fri 18:00-Mon 06:00 Asia/Tokyo", "2026-11-27T09:00:00+00:00", "2026-11-29T21:00:00+00:00"),
    ],
)
def test_when_it_is_frozen_and_until_when(text: str, now: str, until: str | None) -> None:
    found = frozen_until(parse(text), at(now))
    assert (found and found.astimezone(UTC)) == (at(until) if until else None)


def test_the_end_is_told_in_the_windows_own_zone() -> None:
    found = frozen_until(parse("Fri 18:00-Mon 06:00 Europe/Berlin"), at("2026-11-28T00:00:00+00:00"))
    assert found is not None
    assert f"{found:%a %H:%M %Z}" == "Mon 06:00 CET"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("weekend", 'must be windows such as "Fri 18:00-Mon 06:00 Europe/Berlin", and "weekend" is none'),
        ("Fri 18:00", "is none"),
        ("Fri 24:00-Mon 06:00", "is none"),
        ("Fri 18:60-Mon 06:00", "is none"),
        ("Fri 8:00-Mon 06:00", "is none"),
        ("Freitag 18:00-Montag 06:00", "is none"),
        ("Fri 18:00-Mon 06:00 Europe/Berlin x", "is none"),
        ("Fri 18:00-Mon 06:00 Europe/Paderborn", '"Europe/Paderborn" is no time zone'),
        ("Fri 18:00-fri 18:00", "ends when it begins"),
        ("Fri 18:00-Mon 06:00, nonsense\n\x1b", 'and "nonsense" is none'),
        ("x" * 999, "is none"),
    ],
)
def test_what_is_no_window_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.integers(946684800, 2114380800), st.sampled_from([BERLIN, "UTC", "America/New_York"]))
def test_each_moment_is_in_exactly_one_of_two_windows_that_share_the_week(seconds: int, zone: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    weekend, week = parse(f"Fri 18:00-Mon 06:00 {zone}"), parse(f"Mon 06:00-Fri 18:00 {zone}")
    ends = [frozen_until(windows, now) for windows in (weekend, week)]
    (end,) = [end for end in ends if end is not None]
    assert now < end <= now + timedelta(days=5)
    assert frozen_until((*weekend, *week), now) == end
