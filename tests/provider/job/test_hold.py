"""When a job is held, what is written over a held one, and how little a stranger's metadata can do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.hold import (
    HOLD_KEYS,
    LONGEST,
    LONGEST_REASON,
    Hold,
    checked_end,
    end_after,
    hold_of,
    kept,
    mentions_hold,
    put_on,
    taken_off,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
OURS = {"managed_by": "us"}
JOB: dict[str, Any] = {"name": "x", "schedule": "@daily", "disabled": False, "metadata": OURS}


def held(until: Any = "2026-11-27T14:00:00Z", **fields: Any) -> dict[str, Any]:
    return {**JOB, "metadata": {**OURS, "held_until": until, "hold_reason": "why", "held_by": "ann"}, **fields}


def test_a_hold_says_until_when_why_and_who() -> None:
    found = hold_of(held(disabled=True), NOW)
    assert found == Hold(LATER, "why", "ann", disabled=True)
    assert found.words == "held until 2026-11-27 14:00:00 UTC by ann, switched off: why"
    assert Hold(LATER).words == "held until 2026-11-27 14:00:00 UTC"


@pytest.mark.parametrize(
    "until",
    [
        "",
        "soon",
        None,
        7,
        "2026-11-27T14:00:00",
        "2026-11-27",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-27T12:00:00Z",
        "2026-11-27T11:59:59Z",
        "2026-12-27T13:00:01Z",
        "2026-11-27T14:00:00." + "0" * 40 + "Z",
        "2026-11-27T14:00:00Z\n",
    ],
)
def test_what_is_no_time_within_30_days_is_no_hold(until: Any) -> None:
    assert hold_of(held(until), NOW) is None
    assert kept(JOB, held(until), NOW) == JOB


@pytest.mark.parametrize("metadata", [None, "text", {}, [], {"hold_reason": "why"}])
def test_a_job_without_a_time_is_not_held(metadata: Any) -> None:
    assert hold_of({"metadata": metadata}, NOW) is None


@pytest.mark.parametrize("until", ["2026-11-27T15:00:00+01:00", "2026-11-27T14:00:00Z", "2026-11-27T14:00:00.000Z"])
def test_a_time_may_be_written_as_dkron_takes_it(until: str) -> None:
    found = hold_of(held(until), NOW)
    assert found is not None
    assert found.until == LATER


def test_a_hold_ends_at_its_time() -> None:
    assert hold_of(held(), LATER - timedelta(microseconds=1)) is not None
    assert hold_of(held(), LATER) is None


def test_a_strangers_words_are_one_short_line() -> None:
    job = held()
    job["metadata"] |= {"hold_reason": "a\n\x1b[31m" + "b" * 999, "held_by": {"no": "text"}}
    found = hold_of(job, NOW)
    assert found is not None
    assert found.reason.startswith("a [31mbbb")
    assert len(found.reason) == LONGEST_REASON
    assert found.by == ""


def test_a_new_declaration_keeps_the_hold_and_stays_switched_off() -> None:
    wanted = {**JOB, "schedule": "@hourly", "metadata": {**OURS, "team": "geo"}}
    live = held(disabled=True)
    assert kept(wanted, live, NOW) == {
        **wanted,
        "disabled": True,
        "metadata": {"team": "geo", **live["metadata"]},
    }
    assert kept(wanted, held(), NOW)["disabled"] is False
    assert kept({**wanted, "disabled": True}, held(), NOW)["disabled"] is True
    assert kept(wanted, live, LATER) == wanted


def test_a_hold_is_put_on_and_taken_off() -> None:
    job = put_on(JOB, Hold(LATER, "why", "ann"))
    assert job == held()
    assert put_on({**JOB, "disabled": True}, Hold(LATER))["disabled"] is True
    off = put_on(JOB, Hold(LATER, disabled=True))
    assert off["disabled"] is True
    assert taken_off(off) == {**JOB, "disabled": True}
    assert [mentions_hold(one) for one in (job, JOB, held("?"), {"metadata": None})] == [True, False, True, False]


texts = st.text(max_size=300)
metadata = st.none() | st.dictionaries(st.sampled_from([*HOLD_KEYS, "managed_by"]), texts | st.none() | st.integers())


@given(metadata, st.booleans())
def test_no_metadata_breaks_it_and_what_is_kept_is_held_as_before(found: Any, disabled: bool) -> None:
    live = {"name": "x", "metadata": found, "disabled": disabled}
    assert hold_of(kept(JOB, live, NOW), NOW) == hold_of(live, NOW)
    assert not mentions_hold(taken_off(live))


@given(st.datetimes(NOW.replace(tzinfo=None), (NOW + LONGEST).replace(tzinfo=None)), texts, texts)
def test_what_is_put_on_is_found_again(until: datetime, reason: str, by: str) -> None:
    end = until.replace(tzinfo=UTC, microsecond=0)
    found = hold_of(put_on(JOB, Hold(end, reason, by)), NOW)
    assert (found is not None and found.until == end) == (end > NOW)


@pytest.mark.parametrize(("length", "hours"), [("2h", 2), ("90m", 1.5), ("1d12h", 36), ("30d", 720), ("1d1h30m", 25.5)])
def test_the_length_of_a_hold(length: str, hours: float) -> None:
    assert end_after(length, NOW) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("length", "why"),
    [
        ("", "no length"),
        ("0h", "no length"),
        ("2", "no length"),
        ("2 h", "no length"),
        ("-2h", "no length"),
        ("1h1d", "no length"),
        ("٢h", "no length"),
        ("30d1m", "more than 30 days ahead"),
        ("9999d9999h", "more than 30 days ahead"),
    ],
)
def test_a_length_that_is_none_or_too_long_is_refused(length: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        end_after(length, NOW)


def test_an_end_in_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-11-27T12:00:00Z is past"):
        checked_end(NOW, NOW)
