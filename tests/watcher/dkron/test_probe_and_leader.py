from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.errors import Paused, Unauthorised, Unreachable
from tests.watcher.support import MARK, TAG, FakeClock, FakeDkron, job
from watcher.clock import Control
from watcher.dkron.leader import wait_for_leader
from watcher.dkron.look import Look, drifted, fingerprint, merged
from watcher.dkron.probe import Probe, Unsettled

prints = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))


def control() -> Control:
    return Control(FakeClock())


# -- the probe


def test_a_fingerprint_ignores_what_the_server_writes() -> None:
    assert fingerprint(job("a", success_count=1)) == fingerprint(job("a", success_count=2, next="x", tags=None))
    assert fingerprint(job("a", schedule="@hourly")) != fingerprint(job("a"))


def test_drift_is_whatever_changed_went_or_came() -> None:
    assert drifted({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == {"b", "c", "d"}


@given(prints, prints)
def test_nothing_drifted_means_equal(before: dict[str, str], after: dict[str, str]) -> None:
    assert (not drifted(before, after)) == (before == after)


@given(prints, prints, st.sets(st.sampled_from("abcdef")))
def test_what_a_cycle_did_not_touch_stays_noted_as_before(
    before: dict[str, str], after: dict[str, str], touched: set[str]
) -> None:
    noted = merged(before, after, touched)
    for name in "abcdef":
        assert noted.get(name) == (after if name in touched else before).get(name)


def test_a_look_shows_only_our_jobs_and_costs_one_request() -> None:
    kept = job("kept")
    kept["metadata"]["managed_retain"] = "true"
    dkron = FakeDkron(job("a"), job("b", tag="theirs"), job("c", mark="shop/prod"), job("old", mark=""), kept)
    probe = Probe(dkron, TAG, MARK, control())
    look = probe.look()
    assert look.names == {"a", "old", "kept"}
    assert dkron.calls == ["list"]
    assert (set(look.marked), set(look.unmarked)) == ({"a"}, {"old"})


changed = st.fixed_dictionaries(
    {"retries": st.integers(0, 2), "tags": st.sampled_from([None, {}, {"dc": "1"}]), "success_count": st.integers(0, 3)}
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), changed), min_size=1, max_size=4))
def test_a_look_after_others_is_as_a_first_look(lists: list[dict[str, dict[str, Any]]]) -> None:
    dkron = FakeDkron()
    one = Probe(dkron, TAG, MARK, control())
    for jobs in lists:
        found = [job(name, **fields) for name, fields in jobs.items()]
        dkron.lists = [found, found]
        assert one.look() == Probe(dkron, TAG, MARK, control()).look()


def test_two_looks_must_agree() -> None:
    dkron = FakeDkron(job("a"), job("b"), job("c"))
    dkron.lists = [[], [job("a")], [job("a"), job("b"), job("c")]]
    held = control()
    assert Probe(dkron, TAG, MARK, held).settled_look().names == {"a", "b", "c"}
    assert held.clock.monotonic() == 6


def test_a_list_that_never_settles_ends_in_a_soft_complaint() -> None:
    dkron = FakeDkron()
    dkron.lists = [[job(f"j{i}")] for i in range(40)]
    with pytest.raises(Unsettled, match="does not settle"):
        Probe(dkron, TAG, MARK, control()).settled_look(Look({}))


def test_a_stop_ends_the_looking() -> None:
    held = control()
    held.stop()
    with pytest.raises(Unsettled):
        Probe(FakeDkron(), TAG, MARK, held).settled_look()


# -- the leader


def test_a_leader_that_is_there_is_not_waited_for() -> None:
    found = wait_for_leader(FakeDkron(), control(), 30)
    assert (found.name, found.waited) == ("n1", False)


def test_it_asks_again_with_a_doubling_pause() -> None:
    dkron, clock = FakeDkron(), FakeClock()
    dkron.next_leaders = [None, None, None, "n2"]
    dkron.faults = []
    found = wait_for_leader(dkron, Control(clock), 30, lambda: 0.0)
    assert (found.name, found.waited) == ("n2", True)
    assert clock.waits == [1, 2, 4]


def test_it_waits_as_long_as_a_server_asks_and_never_longer_than_its_own_longest_pause() -> None:
    dkron, clock = FakeDkron(), FakeClock()
    dkron.faults = [Paused("busy", 429, 7.0), Paused("busy", 503, 3600.0), Paused("busy", 503)]
    found = wait_for_leader(dkron, Control(clock), 300, lambda: 0.0)
    assert (found.name, clock.waits) == ("n1", [7, 30, 4])
    dkron.faults = [Paused("busy", 503, 60.0)] * 3
    found = wait_for_leader(dkron, Control(clock), 10, lambda: 0.0)
    assert (found.name, found.paused, found.why) == (None, True, "busy")


def test_its_patience_ends_and_it_says_why() -> None:
    dkron, clock = FakeDkron(), FakeClock()
    dkron.faults = [Unreachable(f"refused {i}") for i in range(50)]
    found = wait_for_leader(dkron, Control(clock), 10, lambda: 0.0)
    assert found.name is None
    assert found.why.startswith("refused")
    assert clock.monotonic() == 10


def test_a_stop_ends_the_waiting() -> None:
    held = control()
    held.stop()
    dkron = FakeDkron()
    dkron.next_leaders = [None]
    assert wait_for_leader(dkron, held, 30).name is None


def test_a_refused_credential_is_no_matter_of_waiting() -> None:
    dkron = FakeDkron()
    dkron.faults = [Unauthorised("401")]
    with pytest.raises(Unauthorised):
        wait_for_leader(dkron, control(), 30)
