"""What the watcher remembers of the jobs' runs, what it asks, and how little."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provider.dkron.client import DkronClient
from provider.errors import ServerFault
from provider.job.health import State
from provider.settings import DkronSettings
from watcher.dkron.runs import BUDGET, Runs
from watcher.metrics import Metrics

NIGHT = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def job(name: str, schedule: str = "0 30 2 * * *", ok: datetime | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schedule": schedule,
        "timezone": "UTC",
        "executor": "shell",
        "executor_config": {},
        "success_count": 3 if ok else 0,
        "error_count": 0,
        "last_success": ok and ok.isoformat(),
        "last_error": None,
        "concurrency": "forbid",
        **fields,
    }


@dataclass
class Dkron(DkronClient):
    """Answers from memory and counts."""

    leads: bool = True
    running: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fault: ServerFault | None = None
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(DkronSettings(("http://127.0.0.1:1",)))

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.fault:
            raise self.fault

    def leader(self) -> str | None:
        self._call("leader")
        return "n1" if self.leads else None

    def busy(self) -> list[dict[str, Any]]:
        self._call("busy")
        return self.running

    def executions(self, name: str, with_output: bool = False) -> list[dict[str, Any]]:
        self._call(name)
        return self.kept.get(name, [])


def execution(started: datetime, seconds: float | None, group: int = 1) -> dict[str, Any]:
    finished = "0001-01-01T00:00:00Z" if seconds is None else (started + timedelta(seconds=seconds)).isoformat()
    return {
        "started_at": started.isoformat(),
        "finished_at": finished,
        "success": False,
        "group": group,
        "node_name": "n1",
        "attempt": 1,
        "job_name": "a",
    }


YESTERDAY = NIGHT - timedelta(hours=23, minutes=30)


def states(runs: Runs) -> dict[str, str]:
    return {name: health.state.value for name, health in runs.found.items()}


def test_a_job_that_never_ran_is_overdue_once_its_time_has_passed_under_our_eyes() -> None:
    runs, dkron = Runs(), Dkron()
    for minute in (0, 30, 30.5):
        runs.note([job("a")], NIGHT + minutes(minute))
        assert states(runs) == {"a": "waiting"}
    runs.note([job("a")], NIGHT + minutes(31))
    runs.ask(dkron, NIGHT + minutes(31))
    assert states(runs) == {"a": "overdue"}
    assert dkron.calls == ["leader", "busy", "a"]


def test_nothing_is_asked_while_nothing_is_in_doubt() -> None:
    runs, dkron = Runs(), Dkron()
    runs.note([job("a", ok=YESTERDAY)], NIGHT)
    runs.ask(dkron, NIGHT)
    assert dkron.calls == []


def test_a_changed_and_a_recreated_job_begin_anew() -> None:
    runs = Runs()
    runs.note([job("a", ok=YESTERDAY), job("b", ok=YESTERDAY)], NIGHT)
    changed, anew = job("a", "0 45 1 * * *", ok=YESTERDAY), job("b")
    runs.note([changed, anew], NIGHT + minutes(1))
    runs.note([changed, anew], NIGHT + minutes(20))
    assert states(runs) == {"a": "ok", "b": "waiting"}
    runs.note([changed], NIGHT + minutes(25))
    runs.note([changed, anew], NIGHT + minutes(40))
    assert states(runs) == {"a": "ok", "b": "overdue"}


def test_what_was_due_while_dkron_could_not_be_read_is_missed_once_and_by_all() -> None:
    runs, dkron = Runs(), Dkron()
    jobs = [job(f"j{number}", ok=YESTERDAY) for number in range(300)]
    runs.note(jobs, NIGHT)
    runs.lost()
    runs.lost()
    runs.note(jobs, NIGHT + minutes(60))
    runs.ask(dkron, NIGHT + minutes(60))
    assert dkron.calls == []
    assert set(states(runs).values()) == {"ok"}
    assert {health.missed for health in runs.found.values()} == {NIGHT + minutes(30)}
    assert runs.known.outages == ((NIGHT, NIGHT + minutes(60)),)
    runs.note(jobs, NIGHT + timedelta(hours=26))
    assert set(states(runs).values()) == {"overdue"}


def test_a_watcher_that_starts_after_an_outage_takes_the_silence_for_it() -> None:
    runs = Runs()
    jobs = [job("a", ok=YESTERDAY), job("b", ok=YESTERDAY), job("c", "0 0 * * * *", ok=NIGHT)]
    runs.note(jobs, NIGHT + timedelta(hours=3))
    assert {health.state for health in runs.found.values()} == {State.OK}
    assert all(health.missed for health in runs.found.values())


def test_while_no_server_leads_nothing_is_overdue_and_afterwards_it_is_an_outage() -> None:
    runs, dkron = Runs(), Dkron(leads=False)
    jobs = [job("a", ok=YESTERDAY), job("b", "0 35 2 * * *", ok=YESTERDAY + minutes(5))]
    runs.note(jobs, NIGHT)
    runs.led(NIGHT + minutes(20))
    for second in range(0, 600, 5):
        at = NIGHT + minutes(31) + timedelta(seconds=second)
        runs.note(jobs, at)
        runs.ask(dkron, at)
        assert set(states(runs).values()) == {"ok"}, at
    assert set(dkron.calls) == {"leader"}
    dkron.leads = True
    runs.note(jobs, NIGHT + minutes(50))
    runs.ask(dkron, NIGHT + minutes(50))
    assert [begin for begin, _ in runs.known.outages] == [NIGHT + minutes(20)]
    assert [health.missed for health in runs.found.values()] == [NIGHT + minutes(30), NIGHT + minutes(35)]


def test_a_lost_run_is_told_from_one_that_a_server_is_at() -> None:
    began = NIGHT + minutes(30)
    lost, working = job("a", ok=YESTERDAY), job("b", ok=YESTERDAY)
    dkron = Dkron(kept={"a": [execution(began, None)], "b": [execution(began, None)]})
    dkron.running = [{"job_name": "b", "started_at": began.isoformat()}, {"job_name": "b"}]
    runs = Runs()
    runs.note([lost, working], NIGHT)
    for minute in range(31, 60):
        runs.note([lost, working], NIGHT + minutes(minute))
        runs.ask(dkron, NIGHT + minutes(minute))
        assert states(runs) == {"a": "stuck", "b": "running"}
    assert dkron.calls.count("a") == 3


def test_the_budget_is_ten_requests_a_minute_and_the_late_come_first() -> None:
    runs, dkron = Runs(), Dkron()
    failed = {"last_error": NIGHT.isoformat(), "error_count": 1}
    jobs = [job(f"f{number}", ok=YESTERDAY, **failed, schedule="0 0 9 * * *") for number in range(30)]
    runs.note([*jobs, job("late", ok=YESTERDAY)], NIGHT + minutes(31))
    for second in range(60):
        runs.ask(dkron, NIGHT + minutes(31) + timedelta(seconds=second))
    assert dkron.calls[:3] == ["leader", "busy", "late"]
    assert len(dkron.calls) == BUDGET
    for minute in range(32, 40):
        runs.ask(dkron, NIGHT + minutes(minute))
    assert {f"f{number}" for number in range(30)} <= set(dkron.calls)


def test_failures_in_a_row_are_counted_from_the_executions_and_asked_for_again_after_another_run() -> None:
    runs, dkron = Runs(), Dkron()
    ended = [NIGHT - timedelta(hours=h) for h in (1, 2, 3)]

    def failed(times: int) -> dict[str, Any]:
        return job("a", "0 0 9 * * *", ok=YESTERDAY, last_error=ended[0].isoformat(), error_count=times)

    dkron.kept["a"] = [execution(ended[1], 1, 2), execution(ended[2], 1, 3)]
    runs.note([failed(2)], NIGHT)
    runs.ask(dkron, NIGHT)
    runs.ask(dkron, NIGHT + minutes(1))
    assert (states(runs), dkron.calls) == ({"a": "failed"}, ["a"])
    dkron.kept["a"].insert(0, execution(ended[0], 1, 1))
    runs.note([failed(3)], NIGHT + minutes(2))
    runs.ask(dkron, NIGHT + minutes(2))
    assert (states(runs), dkron.calls) == ({"a": "failing"}, ["a", "a"])
    assert runs.samples()[0].seconds == 1


def test_a_fault_of_dkron_ends_the_asking_and_is_no_fault_of_ours() -> None:
    runs = Runs()
    runs.note([job("a", ok=YESTERDAY)], NIGHT + minutes(31))
    runs.ask(Dkron(fault=ServerFault("no")), NIGHT + minutes(31))
    assert states(runs) == {"a": "overdue"}


def test_ended_runs_are_remembered_for_a_day() -> None:
    runs = Runs()
    for minute in range(5):
        at = NIGHT + minutes(minute)
        runs.note([job("a", "0 * * * * *", ok=at)], at)
    assert list(runs.marks["a"]) == [(NIGHT + minutes(m), True) for m in range(5)]


def test_the_metrics_name_each_job() -> None:
    runs, metrics = Runs(), Metrics("1", "dev")
    metrics.follow_jobs(runs.samples)
    assert "watcher_job_health{" not in metrics.text().decode()
    runs.note([job("a", ok=NIGHT, last_error=YESTERDAY.isoformat(), error_count=1), job("b", "@manually")], NIGHT)
    text = metrics.text().decode()
    for line in (
        'watcher_job_last_success_timestamp_seconds{job="a"} 1.7956584e+09',
        'watcher_job_last_error_timestamp_seconds{job="a"} 1.7955738e+09',
        'watcher_job_runs_total{job="a",result="success"} 3.0',
        'watcher_job_runs_total{job="a",result="error"} 1.0',
        'watcher_job_health{job="a",state="ok"} 1.0',
        'watcher_job_health{job="b",state="waiting"} 1.0',
    ):
        assert line in text
    assert 'next_run_timestamp_seconds{job="a"}' in text
    assert 'next_run_timestamp_seconds{job="b"}' not in text


def test_a_thousand_jobs_cost_no_request_beyond_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    runs, dkron = Runs(), Dkron()
    jobs = [
        job(f"job-{n}", f"{n % 60} {n % 59} {n % 24} * * *", ok=NIGHT, timezone="Europe/Berlin") for n in range(1000)
    ]
    runs.note(jobs, NIGHT)
    took = []
    for second in (10, 20, 30):
        began = time.perf_counter()
        runs.note(jobs, NIGHT + timedelta(seconds=second))
        runs.ask(dkron, NIGHT + timedelta(seconds=second))
        took.append(time.perf_counter() - began)
    assert dkron.calls == []
    with capsys.disabled():
        print(f" a look at 1000 jobs: {min(took) * 1000:.0f} ms ", end="")
