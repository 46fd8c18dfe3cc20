from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from provider.job.lifetime import is_done_when_gone, is_expired
from provider.job.spec import UNKNOWN

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires", "past"),
    [
        ("2026-11-26T11:59:59Z", True),
        ("2026-11-26T12:00:00Z", True),
        ("2026-11-26T12:00:01Z", False),
        ("2026-11-26T12:30:00+01:00", True),
        ("2027-01-01T00:00:00Z", False),
        ("no date", False),
        (UNKNOWN, False),
        (None, False),
    ],
)
def test_a_job_is_expired_when_its_date_is_past(expires: Any, past: bool) -> None:
    assert is_expired({"expires_at": expires}, NOW) is past
    assert is_expired({"expires_at": expires}, NOW.astimezone(timezone(timedelta(hours=9)))) is past
    assert is_done_when_gone({"expires_at": expires}, NOW) is past


def test_the_present_is_taken_if_no_time_is_given() -> None:
    assert is_expired({"expires_at": "2020-01-01T00:00:00Z"})
    assert not is_expired({"expires_at": "2999-01-01T00:00:00Z"})


@pytest.mark.parametrize(("job", "done"), [({"ephemeral": True}, True), ({"ephemeral": False}, False), ({}, False)])
def test_an_ephemeral_job_that_is_gone_is_done(job: dict[str, Any], done: bool) -> None:
    assert is_done_when_gone(job, NOW) is done
