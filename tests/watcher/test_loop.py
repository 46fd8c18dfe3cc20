"""When the next cycle runs, by a clock that is held."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import Unreachable
from tests.watcher.support import SECRET, World, job, preview, steady, step, up, world
from watcher.loop import Loop, plan_next
from watcher.pulumi.changes import Drift
from watcher.pulumi.child import Finished
from watcher.status import CycleReport, Outcome, Reason
from watcher.web.server import Request, health_routes


def report(outcome: Outcome, seconds: float = 3.0) -> CycleReport:
    return CycleReport(1, Reason.INTERVAL, outcome, 0.0, seconds)


@pytest.mark.parametrize(
    ("outcome", "failures", "delay", "reason"),
    [
        (Outcome.UNCHANGED, 0, 297, Reason.INTERVAL),
        (Outcome.CHANGED, 0, 297, Reason.INTERVAL),
        (Outcome.REFUSED, 3, 297, Reason.INTERVAL),
        (Outcome.FAILED, 1, 5, Reason.RETRY),
        (Outcome.FAILED, 3, 20, Reason.RETRY),
        (Outcome.FAILED, 99, 300, Reason.RETRY),
        (Outcome.NO_LEADER, 99, 30, Reason.RETRY),
        (Outcome.LOCKED, 2, 10, Reason.RETRY),
        (Outcome.PAUSED, 99, 30, Reason.RETRY),
        (Outcome.RETRY, 1, 5, Reason.RETRY),
        (Outcome.RETRY, 99, 30, Reason.RETRY),
    ],
)
def test_when_the_next_cycle_is_due(outcome: Outcome, failures: int, delay: float, reason: Reason) -> None:
    coming = plan_next(report(outcome), failures, 300)
    assert (coming.delay_s, coming.reason) == (delay, reason)


def test_a_cycle_longer_than_the_interval_is_followed_at_once() -> None:
    assert plan_next(report(Outcome.CHANGED, 400), 0, 300).delay_s == 0


@given(st.sampled_from(Outcome), st.integers(1, 10**6), st.floats(1, 1e5), st.floats(0, 1e6))
def test_no_wait_is_longer_than_the_interval(outcome: Outcome, failures: int, interval: float, seconds: float) -> None:
    assert 0 <= plan_next(report(outcome, seconds), failures, interval).delay_s <= interval


# -- the loop itself


def loop_of(w: World) -> Loop:
    return Loop(w.tools, w.cycle, w.board)


def stop_at(w: World, *moments: tuple[float, Callable[[], object]], end: float) -> None:
    w.clock.at = [*moments, (end, w.control.stop)]


def reasons(w: World) -> list[Reason]:
    return [c.reason for c in w.board.now.cycles]


def test_cycles_run_on_the_interval_from_start_to_start(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=0)

    def slow() -> Finished:
        w.clock.seconds += 40
        return steady("a")

    w.cli.previews = [slow]
    stop_at(w, end=650)
    loop_of(w).run()
    assert reasons(w) == [Reason.START, Reason.INTERVAL, Reason.INTERVAL]
    assert [c.started - w.board.now.started for c in w.board.now.cycles] == [0, 300, 600]
    assert w.board.now.mode == "stopping"


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_by_a_day_neither_hurries_nor_stops_the_cycles(tmp_path: Path, jump: float) -> None:
    w = world(tmp_path, job("a"), probe_s=10)
    green = set()
    routes = health_routes(w.board, w.tools.metrics, w.clock, str)

    def look() -> None:
        green.add(routes["/healthz"](Request()).status)

    moments = [(second, look) for second in range(95, 640, 5)]
    stop_at(w, (100, lambda: set_clock(w, jump)), (150, w.dkron.jobs.clear), *moments, end=650)
    w.cli.previews = [steady("a")]
    loop_of(w).run()
    assert reasons(w)[:2] == [Reason.START, Reason.DRIFT]
    assert reasons(w).count(Reason.INTERVAL) == 1
    assert {cycle.outcome for cycle in w.board.now.cycles} == {Outcome.UNCHANGED}
    assert green == {200}
    told = [event for event in w.events if event["event"] == "clock.jumped"]
    assert [event["seconds"] for event in told] == [jump]


def set_clock(w: World, seconds: float) -> None:
    w.clock.set_by += seconds


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_watcher_that_hangs_is_red_whatever_the_clock_on_the_wall_says(tmp_path: Path, jump: float) -> None:
    w = world(tmp_path, job("a"))
    loop_of(w).turn(Reason.START)
    w.clock.set_by = jump
    assert w.board.now.healthy(w.clock.monotonic())
    w.clock.seconds += 901
    assert not w.board.now.healthy(w.clock.monotonic())


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_what_is_to_come_and_the_last_good_cycle_move_with_the_clock(tmp_path: Path, jump: float) -> None:
    w = world(tmp_path, job("a"))
    stop_at(w, (50, lambda: set_clock(w, jump)), end=100)
    loop_of(w).run()
    now = w.board.now
    assert now.last_good is not None
    assert w.clock.now() - now.last_good == 100
    assert w.clock.now() - now.started == 100


@pytest.mark.parametrize(("jump", "missed"), [(86_400.0, True), (-86_400.0, False)])
def test_jobs_that_were_due_in_the_time_that_a_clock_jumped_over_are_not_overdue(
    tmp_path: Path, jump: float, missed: bool
) -> None:
    ran = "2023-11-14T00:00:01Z"  # this clock begins on that day at 22:13
    w = world(tmp_path, *(job(name, last_success=ran, timezone="UTC") for name in "ab"))
    loop = loop_of(w)
    stop_at(w, (50, lambda: set_clock(w, jump)), end=200)
    loop.run()
    assert {health.state.value for health in loop.runs.found.values()} == {"ok"}
    assert {health.missed is not None for health in loop.runs.found.values()} == {missed}


def test_a_bug_in_a_cycle_that_the_clock_jumped_in_delays_the_next_one_no_longer(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))

    def bug() -> Finished:
        w.clock.set_by = -86_400.0
        raise ZeroDivisionError

    w.cli.previews = [bug, steady("a")]
    stop_at(w, end=30)
    loop_of(w).run()
    assert [cycle.outcome for cycle in w.board.now.cycles] == [Outcome.FAILED, Outcome.UNCHANGED]


def test_a_failure_is_retried_with_a_doubling_pause_and_success_resets_it(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=0)
    bad = preview(errors=("broken",))
    w.cli.previews = [bad, bad, steady("a"), bad, steady("a")]
    stop_at(w, end=330)
    loop_of(w).run()
    assert [c.started - w.board.now.started for c in w.board.now.cycles] == [0, 5, 15, 315, 320]
    assert reasons(w) == [Reason.START, Reason.RETRY, Reason.RETRY, Reason.INTERVAL, Reason.RETRY]
    assert w.board.now.consecutive_failures == 0


def test_drift_starts_a_cycle_at_the_next_probe(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    lost = preview(step("refresh", "a", {}, {}), step("create", "a", None, {}))

    def repair() -> Finished:
        w.dkron.jobs["a"] = job("a")
        w.clock.seconds += 2
        return up(("create", "a"))

    w.cli.previews, w.cli.ups = [steady("a"), lost, steady("a")], [repair]
    stop_at(w, (42, w.dkron.jobs.clear), end=100)
    loop_of(w).run()
    assert reasons(w) == [Reason.START, Reason.DRIFT]
    assert w.board.now.cycles[1].started - w.board.now.started == 50
    assert b"watcher_drift_repair_latency_seconds_sum 2.0" in w.tools.metrics.text()


def test_a_job_with_another_writer_is_left_to_the_cycles_of_the_interval(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job("b"))
    w.cli.previews = [steady("a", "b")]
    for moment in range(6):
        w.cycle.fights.note(float(moment), [Drift("a", "changed", ("schedule",))])
    assert w.cycle.fights.resting == {"a"}

    def rewrite(name: str) -> Callable[[], object]:
        return lambda: w.dkron.jobs[name].update(schedule="@hourly")

    stop_at(w, (15, rewrite("a")), (195, rewrite("b")), end=450)
    loop_of(w).run()
    started = [e["reason"] for e in w.events if e["event"] == "cycle.done"]
    assert started == ["start", "drift"]


def test_a_list_that_is_empty_for_a_moment_is_no_drift(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    w = world(tmp_path, *(job(n) for n in names))
    w.cli.previews = [steady(*names)]
    stop_at(w, (15, lambda: w.dkron.lists.append([])), end=60)
    loop_of(w).run()
    assert reasons(w) == [Reason.START]


def test_a_probe_that_fails_is_no_drift(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    stop_at(w, (15, lambda: w.dkron.faults.append(Unreachable(f"down {SECRET}"))), end=60)
    loop_of(w).run()
    assert reasons(w) == [Reason.START]
    assert 'watcher_probes_total{result="error"} 1.0' in w.tools.metrics.text().decode()
    assert SECRET not in w.stream.getvalue()


@pytest.mark.parametrize("probe_s", [0, 10])
def test_a_changed_file_starts_a_cycle(tmp_path: Path, probe_s: float) -> None:
    w = world(tmp_path, job("a"), probe_s=probe_s)
    stop_at(w, (33, lambda: (tmp_path / "jobs.py").write_text("x")), end=60)
    loop_of(w).run()
    assert reasons(w) == [Reason.START, Reason.FORCED]
    assert w.board.now.cycles[1].started - w.board.now.started == 40


def before_each_list(w: World, do: Callable[[int], None]) -> list[float]:
    """Has something done before each list is given, told its number; returns when they were asked for."""
    asked: list[float] = []
    listed = w.dkron.list_jobs

    def list_jobs(owner_tag: str | None = None) -> list[dict[str, Any]]:
        asked.append(w.clock.seconds)
        do(len(asked))
        return listed(owner_tag)

    w.dkron.list_jobs = list_jobs  # type: ignore[method-assign]
    return asked


def test_a_look_waits_two_seconds_and_never_takes_more_than_a_fiftieth_of_the_time(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=None)

    def slow(number: int) -> None:
        w.clock.seconds += 0.2 if number == 3 else 0.0

    looks = before_each_list(w, slow)
    stop_at(w, end=20)
    loop_of(w).run()
    assert [round(look, 3) for look in looks] == [0, 2, 4, 14.2, 16.2, 18.2]  # the first is the cycle's


def test_a_look_that_fails_slowly_does_not_put_the_next_ones_off(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=None)

    def hanging(number: int) -> None:
        if number == 2:
            w.clock.seconds += 30.0
            raise Unreachable("no answer within 30 s")

    looks = before_each_list(w, hanging)
    stop_at(w, end=38)
    loop_of(w).run()
    assert looks == [0, 2, 34, 36]


def test_between_two_looks_passes_no_more_than_the_interval_of_the_cycles(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=None, interval_s=60.0)
    loop = loop_of(w)
    loop.once(Reason.START)

    def slow(_number: int) -> None:
        w.clock.seconds += 5.0

    before_each_list(w, slow)
    loop._due = w.clock.seconds + 1000
    assert loop.called() is None
    assert loop.wakes_at == w.clock.seconds + 60


def test_a_long_list_in_the_log_is_cut_and_counted(tmp_path: Path) -> None:
    names = [f"job{number:03}" for number in range(100)]
    w = world(tmp_path)
    w.cli.previews = [preview(*(step("create", name, None, {}) for name in names))]
    w.cli.ups = [up(*(("create", name) for name in names))]
    loop_of(w).once(Reason.START)
    done = next(e for e in w.events if e["event"] == "cycle.done")
    assert (done["created"], done["created_count"]) == (names[:20], 100)
    assert len(json.dumps(done)) < 1000


def test_a_hangup_starts_a_cycle_now(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    stop_at(w, (33, w.control.force), end=60)
    loop_of(w).run()
    assert reasons(w) == [Reason.START, Reason.FORCED]
    assert w.board.now.cycles[1].started - w.board.now.started == 33


def test_before_the_first_good_look_there_is_no_drift(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [preview(errors=("broken",))]
    stop_at(w, end=4)
    loop_of(w).run()
    w.cycle.connector._connection = None
    assert reasons(w) == [Reason.START]
    assert not loop_of(w)._has_drifted()


def test_a_stop_at_once_runs_nothing_more(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [Finished("preview", -9, 1, stopped=True)]
    loop_of(w).run()
    assert w.board.now.cycles == ()


def test_a_bug_of_ours_is_a_failed_cycle_and_not_the_end(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=0)

    def bug() -> Finished:
        raise KeyError(SECRET)

    w.cli.previews = [bug, steady("a")]
    stop_at(w, end=20)
    loop_of(w).run()
    assert [c.outcome for c in w.board.now.cycles] == [Outcome.FAILED, Outcome.UNCHANGED]
    assert w.board.now.cycles[0].detail == "a bug: KeyError: '[secret]'"
    assert SECRET not in w.stream.getvalue()


def test_the_log_names_what_was_done(tmp_path: Path) -> None:
    w = world(tmp_path)
    w.cli.previews = [preview(step("refresh", "a", {}, {}), step("create", "a", None, {}))]
    w.cli.ups = [up(("create", "a"))]
    loop_of(w).once(Reason.START)
    done = next(e for e in w.events if e["event"] == "cycle.done")
    assert (done["created"], done["drift"], done["outcome"], done["reason"]) == (
        ["a"],
        ["a (gone)"],
        "changed",
        "start",
    )
    assert "failed" not in done


@pytest.mark.slow
def test_500_cycles_leave_no_trace_in_memory_or_on_disk(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), probe_s=0)
    loop = loop_of(w)

    def size() -> tuple[int, int, int]:
        files = sum(1 for p in tmp_path.rglob("*") if p.is_file())
        return files, len(os.listdir("/proc/self/fd")), len(w.board.now.cycles)  # noqa: PTH208

    for _ in range(60):
        loop.once(Reason.INTERVAL)
    before = size()
    w.stream.truncate(0)
    for _ in range(440):
        loop.once(Reason.INTERVAL)
    assert size() == before
    assert before[2] == 50


# -- how the jobs run


def test_each_probe_shows_how_the_jobs_run_and_the_metrics_name_them(tmp_path: Path) -> None:
    daily = job("a", schedule="0 30 22 * * *", error_count=0)
    w = world(tmp_path, daily)
    stop_at(w, end=100)
    loop = loop_of(w)
    loop.run()
    assert loop.runs.found["a"].state == "waiting"
    assert w.dkron.calls.count("busy") == 0
    assert 'watcher_job_health{job="a",state="waiting"} 1.0' in w.tools.metrics.text().decode()


def test_an_outage_that_the_probe_saw_is_noted(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))

    def fail() -> None:
        w.dkron.faults = [Unreachable("away")]

    stop_at(w, (45, fail), end=100)
    loop = loop_of(w)
    loop.run()
    ((begin, end),) = loop.runs.known.outages
    assert 10 <= (end - begin).total_seconds() <= 20.1


def test_metrics_with_the_names_of_jobs_can_be_left_out(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), job_metrics=False)
    stop_at(w, end=100)
    loop = loop_of(w)
    loop.run()
    assert loop.runs.found
    assert "watcher_job_" not in w.tools.metrics.text().decode()
