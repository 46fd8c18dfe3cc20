"""When jobs fire and whether they may, with a clock that stands still until told."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.dkron_agent import instants
from sandbox.dkron_agent.job import Job, blank
from sandbox.dkron_agent.runner import Runner, pause_before_retry
from sandbox.dkron_agent.scheduler import Scheduler
from sandbox.dkron_agent.store import Execution, Store

NOON = datetime(2026, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scheduler(clock: Clock) -> Scheduler:
    return Scheduler(clock)


def job(name: str = "j", **fields: Any) -> Job:
    return blank() | {"name": name, "schedule": "@every 10s"} | fields


def due(scheduler: Scheduler) -> list[str]:
    return [one["name"] for one in scheduler.due()]


def test_an_interval_ends_on_a_whole_second_and_missed_ticks_are_not_made_up_for(
    clock: Clock, scheduler: Scheduler
) -> None:
    scheduler.add(job())
    assert due(scheduler) == []
    clock.after(9.5)
    assert due(scheduler) == ["j"]
    clock.after(3600)
    assert due(scheduler) == ["j"]
    assert due(scheduler) == []


def test_an_upsert_starts_the_interval_anew_so_a_poster_can_starve_a_job(clock: Clock, scheduler: Scheduler) -> None:
    for _ in range(5):
        scheduler.add(job())
        clock.after(8)
        assert due(scheduler) == []
    clock.after(2)
    assert due(scheduler) == ["j"]


@pytest.mark.parametrize("fields", [{"disabled": True}, {"parent_job": "p"}])
def test_a_disabled_job_and_a_child_have_no_entry(scheduler: Scheduler, fields: Mapping[str, Any]) -> None:
    scheduler.add(job())
    scheduler.add(job(**fields))
    assert scheduler.entry("j") is None


def test_a_date_fires_once_and_manually_never(clock: Clock, scheduler: Scheduler) -> None:
    scheduler.add(job("once", schedule="@at 2026-05-01T12:00:05Z"))
    scheduler.add(job("past", schedule="@at 2026-05-01T11:00:00Z"))
    scheduler.add(job("hand", schedule="@manually"))
    clock.after(10)
    assert due(scheduler) == ["once"]
    clock.after(10**6)
    assert due(scheduler) == []


def test_the_timezone_of_the_job_counts_here(clock: Clock, scheduler: Scheduler) -> None:
    scheduler.add(job(schedule="0 0 3 * * *", timezone="Asia/Tokyo"))
    entry = scheduler.entry("j")
    assert entry is not None
    assert entry.next == datetime(2026, 5, 1, 18, 0, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made._db.close()


def ran(store: Store, **fields: Any) -> list[str]:
    """What a tick of a job with these fields runs."""
    runs: list[str] = []

    def executor(name: str, _config: Mapping[str, str]) -> tuple[bytes, str | None]:
        runs.append(name)
        return b"", None

    scheduler = Scheduler(Clock())
    runner = Runner(store, scheduler, "n", {}, {"note": executor})
    store.put(job(**{"executor": "note", **fields}))
    stored = store.get("j")
    assert stored is not None
    scheduler.add(stored)
    runner.fire(stored)
    return runs


def _at(seconds: int) -> int:
    return time.time_ns() + seconds * instants.SECOND


@pytest.mark.parametrize(
    ("fields", "runs"),
    [
        ({}, ["j"]),
        ({"disabled": True}, []),
        ({"starts_at": _at(3600)}, []),
        ({"starts_at": _at(-3600)}, ["j"]),
        ({"expires_at": _at(-3600)}, []),
        ({"expires_at": _at(3600)}, ["j"]),
        ({"concurrency": "forbid"}, ["j"]),
    ],
)
def test_a_tick_runs_the_job_only_if_it_may(store: Store, fields: dict[str, Any], runs: list[str]) -> None:
    assert ran(store, **fields) == runs


@pytest.mark.parametrize(("concurrency", "runs"), [("forbid", []), ("allow", ["j"]), ("", ["j"])])
def test_an_execution_that_never_ended_blocks_a_forbid_job(store: Store, concurrency: str, runs: list[str]) -> None:
    store.started(Execution(job_name="j", group=1, node_name="n", started_at=1))
    assert ran(store, concurrency=concurrency) == runs


def test_a_failed_write_leaves_nothing_behind(store: Store) -> None:
    store.put(job("p"))
    with pytest.raises(TypeError):
        store.put(job("c", parent_job="p", owner=object()))
    assert store.get("c") is None
    kept = store.get("p")
    assert kept is not None
    assert kept["dependent_jobs"] is None


def test_the_pauses_between_retries_are_those_recorded() -> None:
    """retry-slow-failure: 1.5, 2 and 2.5 s after failures that took a second; retry-5: none after fast ones."""
    assert [pause_before_retry(1.0, attempt) for attempt in (2, 3, 4)] == [1.5, 2.0, 2.5]
    assert [pause_before_retry(0.01, attempt) for attempt in (2, 7)] == [0.0, 0.0]
