"""Two writers of one job: when that is told, and when it has ended."""

from hypothesis import given
from hypothesis import strategies as st

from watcher.fights import MOST, WINDOW_S, Fights
from watcher.pulumi.changes import Drift

DRIFT = Drift("a", "changed", ("schedule", "owner"))


def test_more_than_five_rewrites_in_ten_minutes_are_a_fight_that_is_told_once() -> None:
    fights = Fights()
    told = [fights.note(float(i), [DRIFT, Drift(f"other{i}", "gone")]) for i in range(9)]
    begun = [fight for one in told for fight in one]
    assert [(f.job, f.count) for f in begun] == [("a", 6)]
    assert begun[0].words == (
        'job "a" has another writer: schedule, owner rewritten 6 times in 10 minutes; '
        "it is repaired on the interval only until that ends"
    )
    assert fights.resting == {"a"}


def test_a_job_that_keeps_coming_back_gone_is_told_too() -> None:
    fights = Fights()
    begun = [fights.note(float(i), [Drift("a", "gone")]) for i in range(6)][-1]
    assert "the whole job rewritten" in begun[0].words


def test_five_in_ten_minutes_are_none() -> None:
    fights = Fights()
    assert all(not fights.note(i * (WINDOW_S / MOST + 1), [DRIFT]) for i in range(50))
    assert fights.resting == frozenset()


def test_a_fight_goes_on_while_each_interval_finds_the_job_rewritten_and_ends_with_calm() -> None:
    fights = Fights(calm_s=1200)
    for i in range(6):
        fights.note(float(i), [DRIFT])
    for at in (600, 1200, 2400):
        assert fights.note(at, [DRIFT]) == []
        assert fights.resting == {"a"}
    fights.note(3600, [])
    assert fights.resting == {"a"}
    fights.note(3601, [])
    assert fights.resting == frozenset()


@given(st.lists(st.tuples(st.floats(0, 500), st.sampled_from("abc")), max_size=60))
def test_what_is_remembered_is_bounded_by_the_window(steps: list[tuple[float, str]]) -> None:
    fights, now = Fights(), 0.0
    for pause, job in steps:
        now += pause
        fights.note(now, [Drift(job, "gone")])
        assert all(now - WINDOW_S <= at for times in fights._repairs.values() for at in times if times[-1] == now)
    fights.note(now + 3 * WINDOW_S, [])
    assert (fights._repairs, fights.resting) == ({}, frozenset())
