"""The declared jobs are as real ones are; an operation that did not do its work is never a measurement."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bench.measure import BenchError
from bench.systems import Site, expect
from provider.job.spec import canonical
from provider.job.validation import check_job, warnings_for
from provider.schedule import parse


def site(count: int) -> Site:
    return Site(Path(), count, {}, {})


def test_the_declared_jobs_are_valid_and_need_no_warning() -> None:
    jobs = [canonical(job) for job in site(130).left("create")]
    assert [(check_job(job), warnings_for(job)) for job in jobs] == [([], [])] * 130
    assert len({job["name"] for job in jobs}) == 130


def test_they_have_about_ten_properties_and_a_secret_header() -> None:
    (job,) = site(1).left("create")
    assert len(canonical(job)) in range(9, 12)
    assert "bench-service-key" in job["executor_config"]["headers"]
    assert job["executor_config"]["url"].startswith("http://127.0.0.1:")


def test_a_change_is_one_field_of_the_first_job() -> None:
    before, after = site(3).left("up"), site(3).left("change")
    assert before[1:] == after[1:]
    assert {key for key in before[0] if before[0][key] != after[0][key]} == {"displayname"}


def test_an_orphan_is_the_last_job_and_nothing_is_left_of_a_destroy() -> None:
    assert len(site(3).left("orphan")) == 2
    assert site(3).left("destroy") == []


def test_every_job_runs_on_the_first_of_january_only() -> None:
    now = datetime(2026, 5, 4, 18, 59, 59, tzinfo=UTC)
    for job in site(3000).left("create")[::611]:
        following = parse(job["schedule"]).next_run(now, "UTC")
        assert following is not None
        assert following.date() == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("operation", "effect"),
    [("create", {"create": 3}), ("up", {}), ("drift", {"update": 1})],
)
def test_an_operation_has_its_effect(operation: str, effect: dict[str, int]) -> None:
    assert site(3).effect(operation) == effect
    assert site(0).effect("create") == {}
    assert site(0).effect("destroy", besides=1) == {"delete": 1}


def test_work_that_was_not_done_is_told() -> None:
    expect("ours up", {}, {})
    with pytest.raises(BenchError, match=r"^ours up: did not do its work: \{'update': 1\} instead of \{\}$"):
        expect("ours up", {"update": 1}, {})
