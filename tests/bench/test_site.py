"""The declared jobs are as real ones are; an operation that did not do its work is never a measurement."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.errors import BenchError
from bench.site import Site, expect, quiet_hour
from provider.job.spec import canonical
from provider.job.validation import check_job, warnings_for
from provider.schedule import parse


def bodies(count: int, changed: bool = False) -> list[dict[str, Any]]:
    return Site(Path(), Path(), None, count, 3).bodies(changed=changed)  # type: ignore[arg-type]


def test_the_declared_jobs_are_valid_and_need_no_warning() -> None:
    jobs = [canonical(job) for job in bodies(130)]
    assert [(check_job(job), warnings_for(job)) for job in jobs] == [([], [])] * 130
    assert len({job["name"] for job in jobs}) == 130


def test_they_have_about_ten_properties_and_a_secret_header() -> None:
    (job,) = bodies(1)
    assert len(canonical(job)) in range(9, 12)
    assert "bench-service-key" in job["executor_config"]["headers"]
    assert job["executor_config"]["url"].startswith("http://127.0.0.1:")


def test_a_change_is_one_field_of_the_first_job() -> None:
    before, after = bodies(3), bodies(3, changed=True)
    assert before[1:] == after[1:]
    assert {k for k in before[0] if before[0][k] != after[0][k]} == {"displayname"}


def test_no_job_runs_within_eleven_hours() -> None:
    now = datetime(2026, 5, 4, 18, 59, 59, tzinfo=UTC)
    for job in Site(Path(), Path(), None, 3000, quiet_hour(now)).bodies()[::611]:  # type: ignore[arg-type]
        following = parse(job["schedule"]).next_run(now, "UTC")
        assert following is not None
        assert (following - now).total_seconds() > 11 * 3600


def test_work_that_was_not_done_is_told() -> None:
    expect("ours up", {}, {})
    with pytest.raises(BenchError, match=r"^ours up: did not do its work: \{'update': 1\} instead of \{\}$"):
        expect("ours up", {"update": 1}, {})
