"""Jobs that end by themselves: Dkron deletes an ephemeral one after its first success, and runs an expired one no more.

When such a job is gone, it is done: putting it back would run it again, for ever. Pure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..schedule.moments import utc_time


def is_expired(job: Mapping[str, Any], now: datetime | None = None) -> bool:
    """Whether the job's expires_at is past; `now` is the present if not given."""
    text = job.get("expires_at")
    expires = utc_time(text) if isinstance(text, str) else None
    present = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").partition("+")[0]
    # Dates in this form sort as text.
    return expires is not None and expires.rstrip("Z") <= present


def is_done_when_gone(job: Mapping[str, Any], now: datetime | None = None) -> bool:
    """Whether a job that was created and isn't in Dkron any more has ended by itself."""
    return job.get("ephemeral") is True or is_expired(job, now)
