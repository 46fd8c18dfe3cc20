"""Held jobs as the watcher sees them: no drift until the hold ends, told once, and no stray meanwhile."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provider.job.hold import Hold
from tests.watcher.support import MARK, TAG, World, job, preview, steady, step, up, world
from watcher.dkron.look import drifted
from watcher.logs import MOST_NAMES
from watcher.loop import Loop
from watcher.status import Outcome, Reason

START = 1_700_000_000.0  # the held clock's first moment
names = st.sets(st.sampled_from("abcd"))
prints = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"))


def held(name: str, seconds: float, **fields: Any) -> dict[str, Any]:
    until = f"{datetime.fromtimestamp(START + seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    hold = {"held_until": until, "hold_reason": "an\nincident", "held_by": "ann"}
    return job(name, **{**fields, "metadata": {"managed_by": TAG, "managed_in": MARK, **hold}})


def test_a_held_job_drifts_only_when_its_hold_has_ended() -> None:
    assert drifted({"a": "1"}, {"a": "2"}, (), {"a": object()}) == frozenset()
    assert drifted({"a": "1"}, {"a": "1"}, {"a"}, ()) == {"a"}
    assert drifted({"a": "1"}, {"a": "1"}, {"a"}, {"a": object()}) == frozenset()
    assert drifted({"a": "1"}, {}, {"a"}, ()) == {"a"}
    assert drifted({}, {}, {"a"}, ()) == frozenset()


@given(prints, prints, names, names)
def test_nothing_that_is_held_now_drifts(
    noted: dict[str, str], seen: dict[str, str], then: set[str], now: set[str]
) -> None:
    assert drifted(noted, seen, then, now).isdisjoint(now)
    assert drifted(noted, seen) - now <= drifted(noted, seen, then, now)


def reasons(w: World) -> list[tuple[Reason, float]]:
    return [(c.reason, c.started - START) for c in w.board.now.cycles]


def test_a_hold_starts_no_cycle_and_its_end_starts_one(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), interval_s=3000)
    w.clock.at = [
        (12, lambda: w.dkron.jobs.update(a=held("a", 1000, disabled=True))),
        (500, lambda: w.dkron.jobs["a"].update(schedule="@hourly")),
        (1100, w.control.stop),
    ]
    Loop(w.tools, w.cycle, w.board).run()
    assert reasons(w) == [(Reason.START, 0), (Reason.DRIFT, 1000)]
    told = [e for e in w.events if e["event"] in ("jobs.held", "holds.ended")]
    assert [e["event"] for e in told] == ["jobs.held", "holds.ended"]
    assert told[0]["jobs"] == ["a is held until 2023-11-14 22:30:00 UTC by ann, switched off: an incident"]
    assert told[1]["jobs"] == ["a"]


def test_a_hold_that_a_cycle_has_seen_ends_all_the_same(tmp_path: Path) -> None:
    w = world(tmp_path, held("a", 100))
    w.clock.at = [(150, w.control.stop)]
    Loop(w.tools, w.cycle, w.board).run()
    assert reasons(w) == [(Reason.START, 0), (Reason.DRIFT, 100)]


def test_the_metrics_show_a_hold_with_its_end_and_its_reason(tmp_path: Path) -> None:
    w = world(tmp_path, job("b"), held("a", 500))
    w.clock.at = [(25, w.control.stop)]
    Loop(w.tools, w.cycle, w.board).run()
    text = w.tools.metrics.text().decode()
    assert "watcher_held_jobs_count 1.0" in text
    assert 'watcher_job_held_until_timestamp_seconds{job="a",reason="an incident"} 1.7000005e+09' in text


def test_a_held_stray_is_left_until_its_hold_ends(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), held("x", 500))
    for _ in range(3):
        report = w.cycle.run(Reason.INTERVAL)
        assert report is not None
        assert (report.outcome, report.strays) == (Outcome.UNCHANGED, {})
    w.clock.seconds = 500
    for _ in range(2):
        w.cycle.run(Reason.INTERVAL)
    assert set(w.dkron.jobs) == {"a"}


def test_a_held_job_that_is_declared_no_longer_is_deleted_and_that_is_told(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), held("b", 500))
    w.cli.previews = [preview(step("delete", "b", {}), step("refresh", "a", {}, {}), same=1)]
    w.cli.ups = [up(("delete", "b"))]
    report = w.cycle.run(Reason.INTERVAL)
    assert report is not None
    assert report.deleted == ("b",)
    (event,) = [e for e in w.events if e["event"] == "held.deleted"]
    assert event["jobs"] == ["b"]


def test_many_holds_are_one_line_of_the_log(tmp_path: Path) -> None:
    w = world(tmp_path)
    frozen = {f"j{n}": Hold(datetime(2026, 11, 27, tzinfo=UTC)) for n in range(50)}
    for held_now in ({}, frozen, frozen, {}):
        w.cycle.census.tell_holds(held_now)
    assert [(line["event"], len(line["jobs"]), line["count"]) for line in w.events] == [
        ("jobs.held", MOST_NAMES, 50),
        ("holds.ended", MOST_NAMES, 50),
    ]


def test_a_job_that_was_switched_off_by_hand_is_told_with_the_way_out(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    old, live = {"schedule": "@daily"}, {"schedule": "@daily", "disabled": True}
    w.cli.previews = [preview(step("refresh", "a", old, live), step("update", "a", live, old)), steady("a")]
    w.cli.ups = [up(("update", "a"))]
    Loop(w.tools, w.cycle, w.board).once(Reason.DRIFT)
    (done,) = [e for e in w.events if e["event"] == "cycle.done"]
    hint = "switched off by hand: `python -m jobs hold a --disable` keeps a job off for a time"
    assert done["drift"] == [f"a (disabled; {hint})"]
