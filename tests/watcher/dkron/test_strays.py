"""Which strays may go, and when: by table and by property; and how they are deleted."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.archive import Archive
from provider.errors import DeleteRefused, Unreachable
from tests.watcher.support import MARK, TAG, FakeClock, FakeDkron, job
from watcher.clock import Control
from watcher.dkron.connection import Connection
from watcher.dkron.probe import Probe
from watcher.dkron.strays import MOVED, NEW_STATE, TAKEN_OUT, delete, find, sort
from watcher.memory import Identity, Memory, Sighting
from watcher.pulumi.changes import ChangeSet, Drift

HERE, NOW = Identity(TAG, MARK, "http://a"), 1000.0
GOOD = Memory(identity=HERE, jobs=frozenset("a"))
STEADY = ChangeSet(sames=("a",))
EMPTY = ChangeSet(creates=("a",))


def seen(held: str = "") -> Memory:
    return replace(GOOD, strays={"x": Sighting(1.0, held)})


def test_strays_are_marked_jobs_that_nobody_knows() -> None:
    plan = ChangeSet(creates=("a",), deletes=("b",), sames=("c",), replaces=("d",), renamed=("e",))
    assert find({"a", "b", "c", "d", "e", "x"}, plan) == {"x"}


@pytest.mark.parametrize(
    ("memory", "plan", "held", "ripe", "waiting"),
    [
        (GOOD, STEADY, "", (), ()),
        (Memory(), STEADY, "", (), ()),
        (GOOD, EMPTY, NEW_STATE, (), ()),
        (replace(GOOD, jobs=frozenset("ax")), STEADY, TAKEN_OUT, (), ()),
        (replace(GOOD, jobs=frozenset("ax")), EMPTY, NEW_STATE, (), ()),
        (replace(GOOD, identity=replace(HERE, dkron="http://b")), STEADY, MOVED, (), ()),
        (seen(), STEADY, "", ("x",), ()),
        (seen(), EMPTY, "", (), ("x",)),
        (seen(NEW_STATE), STEADY, NEW_STATE, (), ("x",)),
        (replace(seen(), identity=None), STEADY, "", (), ()),
        (replace(seen(), identity=replace(HERE, owner_tag="other")), STEADY, "", (), ()),
        (replace(seen(), identity=replace(HERE, mark="other")), STEADY, "", (), ()),
        (replace(seen(), identity=replace(HERE, dkron="http://b")), STEADY, "", (), ()),
    ],
)
def test_which_strays_may_go(
    memory: Memory, plan: ChangeSet, held: str, ripe: tuple[str, ...], waiting: tuple[str, ...]
) -> None:
    found = sort(frozenset("x"), plan, memory, HERE, NOW)
    assert (found.seen["x"].held, found.ripe, found.held) == (held, ripe, waiting)
    assert found.going(False) == ripe
    assert found.going(True) == ripe + waiting


def test_a_stray_keeps_the_time_at_which_it_was_seen_first() -> None:
    assert sort(frozenset("xy"), STEADY, seen(), HERE, NOW).seen == {"x": Sighting(1.0), "y": Sighting(NOW)}


def test_each_stray_is_told_with_what_becomes_of_it() -> None:
    told = sort(frozenset("xyz"), STEADY, replace(seen(NEW_STATE), jobs=frozenset("z")), HERE, NOW).told(("y",))
    assert told["x"].startswith(NEW_STATE)
    assert told["y"] == ""
    assert "--allow-deletes" in told["z"]
    assert sort(frozenset("x"), STEADY, GOOD, HERE, NOW).told()["x"].startswith("it is deleted when")


identities = st.sampled_from(
    [None, HERE, replace(HERE, owner_tag="o"), replace(HERE, mark="m"), replace(HERE, dkron="d")]
)
names = st.frozensets(st.sampled_from("abcdef"))
sightings = st.dictionaries(st.sampled_from("abcdef"), st.builds(Sighting, st.just(1.0), st.sampled_from(["", "why"])))


@given(names, names, names, identities, sightings, st.booleans())
def test_nothing_goes_that_no_earlier_cycle_saw_or_where_the_place_differs(
    marked: frozenset[str],
    declared: frozenset[str],
    jobs: frozenset[str],
    identity: Identity | None,
    strays: dict[str, Sighting],
    allowed: bool,
) -> None:
    plan = ChangeSet(sames=tuple(declared), drift=(Drift("gone", "gone"),) if allowed else ())
    memory = Memory(identity=identity, jobs=jobs, strays=strays)
    found = sort(find(marked, plan), plan, memory, HERE, NOW)
    going = set(found.going(allowed))
    assert going <= marked - declared
    assert going <= strays.keys()
    assert not going or identity == HERE
    if not allowed:
        assert not any(strays[name].held for name in going)
    assert found.seen.keys() == marked - declared


# -- deleting


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def connection(dkron: FakeDkron) -> Connection:
    return Connection(dkron, Probe(dkron, TAG, MARK, Control(FakeClock())), TAG)


def test_strays_are_deleted_children_first(archive: Archive) -> None:
    dkron = FakeDkron(job("parent"), job("child"))
    really_delete = dkron.delete_job

    def refusing(name: str) -> bool:
        if name == "parent" and "child" in dkron.jobs:
            raise DeleteRefused("it has children")
        return really_delete(name)

    dkron.delete_job = refusing  # type: ignore[method-assign]
    assert delete(connection(dkron), archive, ("parent", "child")) == (["child", "parent"], [])
    assert dkron.jobs == {}
    assert [copy.why for copy in archive.entries("child")] == ["deleted as a stray"]


@pytest.mark.parametrize("other", [job("x", tag="theirs"), job("x", mark=""), job("x", mark="shop/prod")])
def test_a_stray_that_is_no_longer_ours_is_left_alone(archive: Archive, other: dict[str, object]) -> None:
    dkron = FakeDkron(other)
    assert delete(connection(dkron), archive, ("x", "gone")) == ([], [])
    assert "x" in dkron.jobs


def test_a_stray_that_cannot_be_deleted_is_told(archive: Archive) -> None:
    dkron = FakeDkron(job("x"))
    dkron.faults = [Unreachable("no")] * 5
    deleted, failures = delete(connection(dkron), archive, ("x",))
    assert deleted == []
    assert [(f.job, f.reason) for f in failures] == [("x", "stray not deleted: no")]
