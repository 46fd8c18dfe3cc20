"""The health of a job, reckoned from its JSON, its schedule and a held clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.job import health
from provider.job.executions import Execution, busy_since, executions, moment
from provider.job.health import Health, Known, State, in_doubt, reckon, reckon_all, silence
from provider.job.health_words import in_words, span, summary
from provider.schedule.calendar import Entry, next_run
from tests.paths import recorded

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """A time of that year, in UTC: "11-26 02:30"."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def job(**fields: Any) -> dict[str, Any]:
    """A job of half past two as Dkron lists it; `ok` and `bad`: when it last succeeded and failed."""
    ok, bad = fields.pop("ok", None), fields.pop("bad", None)
    given = {
        "name": "a",
        "schedule": "0 30 2 * * *",
        "timezone": "UTC",
        "disabled": False,
        "retries": 0,
        "concurrency": "allow",
        "parent_job": "",
        "executor": "shell",
        "executor_config": {"command": "true"},
        "success_count": 40 if ok else 0,
        "error_count": 1 if bad else 0,
        "status": "",
        "starts_at": None,
        "expires_at": None,
        "last_success": ok and f"2026-{ok.replace(' ', 'T')}:02Z",
        "last_error": bad and f"2026-{bad.replace(' ', 'T')}:31Z",
        "next": "2020-01-01T00:00:00Z",
    }
    return {**given, **fields}


def run(started: datetime, seconds: float | None, success: bool = False, group: int = 1) -> Execution:
    finished = None if seconds is None else started + timedelta(seconds=seconds)
    return Execution(started, finished, success, "n1", 1, group)


EVERY_HOUR = {"schedule": "0 0 * * * *"}
TABLE = [
    ("it ran when it was due", job(ok="11-26 02:30"), "ok"),
    ("the times that Dkron writes do not count", job(ok="11-26 02:30", status="running", next="2030-01-01"), "ok"),
    ("six days without a run", job(ok="11-19 02:30"), "overdue since 02:30, 6 days"),
    ("one run is missing", job(ok="11-25 02:30"), "overdue since 02:30, 9 hours"),
    (
        "its last failure is as young as a success",
        job(ok="11-20 02:30", bad="11-26 02:30"),
        "failed at 02:30, 9 hours ago",
    ),
    ("it failed and then fell silent", job(bad="11-24 02:30"), "overdue since 02:30, 1 day"),
    ("failed each time", job(bad="11-26 02:30", error_count=212), "failed 212 times, never succeeded"),
    ("failed at its first run", job(bad="11-26 02:30"), "failed once, never succeeded"),
    ("a success after the failure", job(ok="11-26 02:30", bad="11-26 02:29"), "ok"),
    ("nobody knows whether it was there when it was due", job(), "not due yet"),
    ("switched off", job(ok="11-01 02:30", disabled=True), "switched off"),
    ("expired", job(ok="11-01 02:30", expires_at="2026-11-02T00:00:00Z"), "done"),
    ("expires later", job(ok="11-24 02:30", expires_at="2026-12-02T00:00:00Z"), "overdue since 02:30, 1 day"),
    ("it starts later", job(ok="11-01 02:30", starts_at="2026-12-02T00:00:00Z"), "ok"),
    ("it started yesterday", job(ok="11-01 02:30", starts_at="2026-11-25T12:00:00Z"), "overdue since 02:30, 9 hours"),
    ("its date is past and it ran", job(ok="11-20 03:00", schedule="@at 2026-11-20T03:00:00Z"), "done"),
    (
        "its date is past and it failed",
        job(bad="11-20 03:00", schedule="@at 2026-11-20T03:00:00Z"),
        "failed once, never succeeded",
    ),
    (
        "its date passed without a run",
        job(ok="11-19 03:00", schedule="@at 2026-11-20T03:00:00Z"),
        "overdue since 03:00, 6 days",
    ),
    ("a date long past", job(schedule="@at 2026-11-20T03:00:00Z"), "done"),
    ("by hand only", job(ok="11-01 03:00", schedule="@manually"), "ok"),
    ("by hand only, never", job(schedule="@manually"), "not due yet"),
    ("no schedule that Dkron takes", job(schedule="nonsense"), "not due yet"),
    ("an interval counts from the last result", job(ok="11-26 11:58", schedule="@every 2m"), "ok"),
    ("an interval that is over", job(ok="11-26 11:50", schedule="@every 2m"), "overdue since 11:52, 7 minutes"),
    ("a zone of its own", job(ok="11-26 02:30", timezone="America/New_York"), "overdue since 07:30, 4 hours"),
    ("within a minute", job(ok="11-26 11:00", **EVERY_HOUR), "ok"),
    (
        "within its time limit and its attempts",
        job(ok="11-26 10:00", **EVERY_HOUR, retries=2, executor="http", executor_config={"timeout": "1300"}),
        "ok",
    ),
    (
        "beyond its time limit and its attempts",
        job(ok="11-26 10:00", **EVERY_HOUR, retries=1, executor="http", executor_config={"timeout": "1300"}),
        "overdue since 11:00, 1 hour",
    ),
    ("a success count without a time", job(bad="11-26 02:30", success_count=3), "failed at 02:30, 9 hours ago"),
]


@pytest.mark.parametrize(("case", "made", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_the_state_follows_from_the_job_and_the_time(case: str, made: dict[str, Any], words: str) -> None:
    assert in_words(reckon(made, NOW), NOW) == words


def test_the_words_give_the_time_of_the_zone_that_is_shown() -> None:
    found = reckon(job(ok="11-25 02:30"), NOW)
    assert in_words(found, NOW, BERLIN) == "overdue since 03:30, 9 hours"


def test_a_job_that_never_ran_is_overdue_once_it_was_seen_before_it_was_due() -> None:
    never, seen = job(), Known(since={"a": at("11-26 01:00")})
    assert reckon(never, at("11-26 02:30"), seen).state is State.WAITING
    assert reckon(never, at("11-26 02:31"), seen) == Health(State.OVERDUE, at("11-26 02:30"))
    assert reckon(job(schedule="@at 2026-11-26T02:30:00Z"), NOW, seen).state is State.OVERDUE


def test_a_changed_definition_is_not_held_against_a_job() -> None:
    changed = job(ok="11-26 02:30", schedule="0 0 10 * * *")
    assert reckon(changed, NOW).state is State.OVERDUE
    assert reckon(changed, NOW, Known(since={"a": at("11-26 11:00")})).state is State.OK


def test_what_was_due_while_dkron_was_down_is_missed_and_not_overdue() -> None:
    down = Known(outages=((at("11-26 02:00"), at("11-26 05:00")),))
    found = reckon(job(ok="11-25 02:30"), NOW, down)
    assert found == Health(State.OK, at("11-25 02:30") + timedelta(seconds=2), missed=at("11-26 02:30"))
    assert in_words(found, NOW) == "ok; missed its run of 02:30 while Dkron was down"
    assert not found.well
    assert reckon(job(ok="11-26 06:00"), NOW, down) == reckon(job(ok="11-26 06:00"), NOW)
    hourly = job(ok="11-26 01:00", **EVERY_HOUR)
    assert reckon(hourly, at("11-26 05:00"), down).missed == at("11-26 02:00")
    assert reckon(hourly, NOW, down) == Health(State.OVERDUE, at("11-26 06:00"))
    assert reckon(job(bad="11-25 02:30"), NOW, down).missed == at("11-26 02:30")
    twice = Known(outages=(*down.outages, (at("11-26 06:00"), at("11-26 11:30"))))
    assert reckon(hourly, NOW, twice).missed == at("11-26 02:00")


def test_a_run_that_begins_with_the_outage_is_missed_too() -> None:
    down = Known(outages=((at("11-26 02:30") + timedelta(seconds=5), at("11-26 05:00")),))
    assert reckon(job(ok="11-25 02:30"), NOW, down).missed == at("11-26 02:30")


def test_a_run_that_a_server_is_at_is_running_until_its_time_limit_is_over() -> None:
    late = job(ok="11-25 02:30")
    busy = Known(busy={"a": at("11-26 02:30")})
    assert reckon(late, NOW, busy) == Health(State.RUNNING, at("11-26 02:30"))
    assert in_words(reckon(late, NOW, busy), NOW) == "running since 02:30, 9 hours"
    limited = {**late, "executor_config": {"timeout": "10m"}, "retries": 1}
    assert reckon(limited, at("11-26 02:49"), busy).state is State.RUNNING
    assert reckon(limited, NOW, busy) == Health(State.STUCK, at("11-26 02:30"))
    assert "longer than its time limit" in in_words(reckon(limited, NOW, busy), NOW)
    assert reckon(job(ok="11-20 02:30", bad="11-25 02:30"), NOW, busy).state is State.FAILED


def test_a_lost_run_makes_a_forbid_job_stuck_as_recorded() -> None:
    entry = next(e for e in recorded("firing") if e["id"] == "crash-mid-run-forbid")
    kept = executions(entry["executions_of_stuck"])
    assert [e.finished for e in kept] == [None]
    started = kept[0].started
    stuck = job(schedule="@every 2s", concurrency="forbid", **entry["job"])
    known = Known({"a": started - timedelta(seconds=30)}, executions={"a": kept}, busy={})
    found = reckon(stuck, started + timedelta(minutes=3), known)
    assert found == Health(State.STUCK, started, lost=True)
    assert "recreate" in in_words(found, started + timedelta(minutes=3))
    later = started + timedelta(minutes=3)
    assert reckon({**stuck, "concurrency": "allow"}, later, known).state is State.OVERDUE
    assert reckon(stuck, later, Known(known.since, executions=known.executions)).state is State.OVERDUE


def test_three_failed_runs_in_a_row_are_failing_however_many_attempts_they_took() -> None:
    failed = job(ok="11-23 02:30", bad="11-26 02:30")
    runs = [run(at(f"11-{day} 02:30"), 1, group=day) for day in (26, 25)]
    twice = Known(executions={"a": tuple(runs + runs)})
    assert reckon(failed, NOW, twice) == Health(State.FAILED, at("11-26 02:30") + timedelta(seconds=31), 2)
    runs += [run(at("11-24 02:30"), 1, group=24), run(at("11-23 02:30"), 1, group=23), run(at("11-26 11:00"), None)]
    found = reckon(failed, NOW, Known(executions={"a": tuple(runs)}))
    assert found == Health(State.FAILING, at("11-24 02:30"), 3)
    assert in_words(found, NOW) == "failed 3 times in a row, since 02:30, 2 days"


def test_a_child_is_due_when_its_parent_has_succeeded() -> None:
    parent = job(name="p", ok="11-26 02:30", status="success")
    child = job(parent_job="p", schedule="", ok="11-25 02:31")
    assert reckon_all([parent, child], NOW)["a"] == Health(State.OVERDUE, at("11-26 02:30") + timedelta(seconds=2))
    assert reckon_all([parent, {**child, "last_success": "2026-11-26T02:30:02Z"}], NOW)["a"].state is State.OK
    for changed in ({"status": "partially_failed"}, {"status": "success", "last_error": "2026-11-26T03:00:00Z"}):
        assert reckon(child, NOW, parent={**parent, **changed}).state is State.OK
    assert reckon(child, NOW).state is State.OK
    assert reckon(job(parent_job="p", schedule=""), NOW, parent=parent).state is State.WAITING
    assert reckon(child, NOW, parent=job(name="p")).state is State.OK


def test_silence_is_the_time_without_any_run_in_which_two_jobs_were_due() -> None:
    jobs = [
        job(ok="11-25 02:30"),
        job(name="b", ok="11-25 02:35", schedule="0 35 2 * * *"),
        job(name="c", ok="11-26 02:00"),
    ]
    assert silence(jobs, NOW) == (at("11-26 02:00") + timedelta(seconds=2), NOW)
    assert silence([*jobs, job(name="d", ok="11-26 11:59")], NOW) is None
    assert silence(jobs[1:2], NOW) is None
    assert silence([job()], NOW) is None


def test_those_that_are_late_are_asked_for_before_those_that_failed() -> None:
    found = {
        "failed": Health(State.FAILED),
        "late": Health(State.OVERDUE),
        "ok": Health(State.OK),
        "running": Health(State.RUNNING),
        "never": Health(State.FAILING, never=True),
    }
    assert in_doubt(found) == ["late", "running", "failed"]


def test_the_summary_names_what_is_not_well() -> None:
    states = [Health(State.OVERDUE), Health(State.OK), Health(State.FAILING), Health(State.OVERDUE)]
    assert summary(states) == "2 overdue, 1 failing"
    assert summary([Health(State.OK, missed=NOW)]) == "1 missed a run while Dkron was down"
    assert summary([Health(State.RUNNING)]) == ""


@pytest.mark.parametrize(
    ("executor", "config", "seconds"),
    [
        ("http", {}, 30),
        ("http", None, 30),
        ("http", {"timeout": "5"}, 5),
        ("http", {"timeout": "1s"}, 30),
        ("http", {"timeout": "0"}, None),
        ("http", {"timeout": "-1"}, None),
        ("http", {"timeout": "-x"}, None),
        ("shell", {}, None),
        ("shell", {"timeout": "1h30m"}, 5400),
        ("shell", {"timeout": "-2s"}, 0),
        ("shell", {"timeout": "soon"}, None),
        ("kafka", {"timeout": "5"}, None),
    ],
)
def test_the_time_limit_is_the_one_that_dkron_reads(executor: str, config: Any, seconds: float | None) -> None:
    assert health.time_limit({"executor": executor, "executor_config": config}) == seconds


def test_the_tolerance_stays_within_reason() -> None:
    assert health.tolerance({"retries": 4.0, "executor": "shell", "executor_config": {"timeout": "1m"}}).seconds == 300
    assert health.tolerance({"retries": "x"}) == timedelta(seconds=60)
    endless = {"retries": 2**31, "executor": "shell", "executor_config": {"timeout": "9999h"}}
    assert health.tolerance(endless) == timedelta(days=366)


@pytest.mark.parametrize("text", [None, 5, "", "soon", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31"])
def test_what_is_no_time_is_never(text: Any) -> None:
    assert moment(text) is None or text == "9999-12-31"
    assert (executions([{"started_at": text}]) == ()) == (moment(text) is None)
    assert (busy_since([{"started_at": text, "job_name": "a"}]) == {}) == (moment(text) is None)


def test_the_oldest_run_of_a_job_counts() -> None:
    at = [{"started_at": f"2026-11-26T0{hour}:00:00Z", "job_name": "a"} for hour in (3, 1, 2)]
    assert busy_since(at) == {"a": datetime(2026, 11, 26, 1, tzinfo=UTC)}


def test_an_execution_knows_how_long_it_took() -> None:
    assert run(NOW, 2.5).seconds == 2.5
    assert run(NOW, None).seconds is None
    assert span(timedelta(0)) == "1 second"


# -- the nights on which clocks change

SPRING = datetime(2026, 3, 28, 18, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 18, tzinfo=UTC)
HALF_PAST_TWO = [
    (SPRING, "2026-03-27T02:30:00+01:00", None),
    (SPRING, "2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"),  # the hour doesn't exist on the 29th
    (AUTUMN, "2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"),
    (AUTUMN, "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),  # it comes twice, and Dkron runs it twice
]


@pytest.mark.parametrize(("evening", "ran", "due"), HALF_PAST_TWO)
def test_each_minute_of_a_night_of_the_clock_change_is_reckoned_right(
    evening: datetime, ran: str, due: str | None
) -> None:
    ended = datetime.fromisoformat(ran).astimezone(UTC) + timedelta(seconds=2)
    made = job(timezone="Europe/Berlin", last_success=ended.isoformat(), success_count=1)
    first = datetime.fromisoformat(due) if due else datetime.min.replace(tzinfo=UTC)
    for minute in range(48 * 60):
        now = evening + timedelta(minutes=minute)
        if now < ended:
            continue
        late = now >= first + timedelta(minutes=1) if due else True
        assert (reckon(made, now).state is State.OVERDUE) is late, now


NIGHT = st.sampled_from(
    [
        *((night, zone) for night in (SPRING, AUTUMN) for zone in ("Europe/Berlin", "UTC")),
        (datetime(2026, 4, 4, 9, tzinfo=UTC), "Australia/Lord_Howe"),
        (datetime(2026, 10, 3, 9, tzinfo=UTC), "Australia/Lord_Howe"),
    ]
)
FIELDS = ["0 30 2 * * *", "0 0 * * * *", "0 */20 * * * *", "0 15 1-3 * * *", "0 45 1 * * *", "@every 7m", "@hourly"]


@settings(max_examples=40)
@given(night=NIGHT, schedule=st.sampled_from(FIELDS), seconds=st.integers(1, 50), skipped=st.integers(0, 30))
def test_a_job_that_runs_whenever_it_is_due_is_never_overdue_and_one_that_stops_is_at_its_next_run(
    night: tuple[datetime, str], schedule: str, seconds: int, skipped: int
) -> None:
    start, zone = night
    made = job(schedule=schedule, timezone=zone, success_count=1, last_success=start.isoformat())
    ended = start
    for _ in range(skipped):
        due = next_run(Entry.of(made), ended)
        assert isinstance(due, datetime)
        assert reckon(made, due - timedelta(seconds=1)).state is State.OK
        assert reckon(made, due + timedelta(seconds=seconds)).state is State.OK
        ended = due + timedelta(seconds=seconds)
        made["last_success"] = ended.isoformat()
    due = next_run(Entry.of(made), ended)
    assert isinstance(due, datetime)
    assert reckon(made, due + timedelta(seconds=59)).state is State.OK
    assert reckon(made, due + timedelta(seconds=60)) == Health(State.OVERDUE, due)
