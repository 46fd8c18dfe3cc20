"""Which drift is repaired without a preview, and what the repair says that it will do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.dkron.look import drifted
from watcher.pulumi.changes import ChangeSet, Drift
from watcher.repair import MOST, Repair, Standing, simple

AROUND = ("program", "config", "state")


def printed(**fields: Any) -> str:
    return json.dumps({"schedule": "@daily", **fields})


def standing(*names: str) -> Standing:
    return Standing(frozenset(names), {name: f"urn:{name}" for name in names}, AROUND)


def found(
    seen: dict[str, str], *names: str, around: object = AROUND, resting: frozenset[str] = frozenset()
) -> Repair | None:
    names = names or ("a", "b", "c")
    noted = {name: printed() for name in names}
    return simple(standing(*names), around, noted, seen, drifted(noted, seen) - resting)


def test_a_changed_job_is_the_only_target_and_the_plan_names_its_fields() -> None:
    repair = found({"a": printed(), "b": printed(schedule="@hourly", retries=2), "c": printed()})
    assert repair is not None
    assert repair.targets == ("urn:b",)
    assert repair.plan == ChangeSet(
        updates=("b",), sames=("a", "c"), drift=(Drift("b", "changed", ("schedule", "retries")),)
    )
    assert repair.plan.declared == {"a", "b", "c"}
    assert not repair.plan.doomed
    assert not repair.plan.revised


def test_a_deleted_job_is_created_again() -> None:
    repair = found({"a": printed(), "c": printed()})
    assert repair is not None
    assert (repair.targets, repair.plan.creates, repair.plan.drift) == (("urn:b",), ("b",), (Drift("b", "gone"),))


def test_what_the_program_ignores_is_known_after_a_repair_too() -> None:
    noted = {"a": printed()}
    left = Standing(frozenset("a"), {"a": "urn:a"}, AROUND, {"a": ("schedule",)})
    repair = simple(left, AROUND, noted, {}, drifted(noted, {}))
    assert repair is not None
    assert repair.plan.ignored == {"a": ("schedule",)}


EVERYTHING = {name: printed() for name in "abc"}


@pytest.mark.parametrize(
    ("seen", "around", "resting"),
    [
        pytest.param(EVERYTHING, AROUND, (), id="nothing drifted"),
        pytest.param({**EVERYTHING, "b": printed(retries=1)}, ("program",), (), id="something else changed"),
        pytest.param({**EVERYTHING, "b": printed(retries=1)}, AROUND, ("b",), id="another writer's job"),
        pytest.param({**EVERYTHING, "new": printed()}, AROUND, (), id="a job that the cycle did not leave"),
        pytest.param({}, AROUND, (), id="many are gone at once"),
    ],
)
def test_everything_else_takes_the_whole_way(seen: dict[str, str], around: object, resting: tuple[str, ...]) -> None:
    assert found(seen, around=around, resting=frozenset(resting)) is None


def test_a_job_without_a_known_resource_takes_the_whole_way() -> None:
    before = {"a": printed()}
    stray = Standing(frozenset(), {"a": "urn:a"}, AROUND)
    assert simple(stray, AROUND, before, {"a": printed(retries=1)}, frozenset()) is None
    unknown = Standing(frozenset({"a"}), {}, AROUND)
    assert simple(unknown, AROUND, before, {"a": printed(retries=1)}, frozenset()) is None


@pytest.mark.parametrize(("count", "targeted"), [(MOST, True), (MOST + 1, False)])
def test_many_changed_jobs_take_the_whole_way(count: int, targeted: bool) -> None:
    names = [f"job{number}" for number in range(count)]
    assert (found({name: printed(retries=1) for name in names}, *names) is not None) is targeted


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([printed(), printed(retries=1)])))
def test_a_repair_writes_what_drifted_and_deletes_nothing(seen: dict[str, str]) -> None:
    repair = found(seen, *"abcd")
    if repair is None:
        return
    wrong = {name for name in "abcd" if seen.get(name) != printed()}
    assert repair.plan.writes == wrong
    assert set(repair.targets) == {f"urn:{name}" for name in wrong}
    assert not repair.plan.doomed
    assert repair.plan.declared == set("abcd")


def test_a_job_whose_hold_has_ended_takes_the_whole_way() -> None:
    noted = {"a": printed(disabled=True)}
    assert simple(standing("a"), AROUND, noted, noted, frozenset({"a"})) is None


def test_a_job_that_was_switched_off_is_told_as_that() -> None:
    repair = found({"a": printed(disabled=True), "b": printed(), "c": printed()})
    assert repair is not None
    assert repair.plan.drift == (Drift("a", "changed", ("disabled",), switched_off=True),)
