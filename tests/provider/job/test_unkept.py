"""Fields that Dkron doesn't keep: how they are compared, and how a live job is read without them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.spec import UNKNOWN, canonical
from provider.job.unkept import as_written, differing, prints

TAG = {"managed_by": "ours"}


def job(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "metadata": TAG, **fields}


@pytest.mark.parametrize(
    ("written", "live", "paths"),
    [
        ({}, {}, []),
        ({"owner": "me"}, {"owner": "server"}, ["owner"]),
        ({}, {"owner": "server", "retries": 2.0}, ["owner", "retries"]),
        ({"retries": 2.0}, {"retries": 2}, []),
        ({"metadata": {**TAG, "team": "a"}}, {"metadata": {**TAG, "seen": "1"}}, ["metadata.seen", "metadata.team"]),
        ({"processors": {"log": {}}}, {"processors": {"files": {}}}, ["processors"]),
        # Whose the job is, is judged elsewhere and never left out.
        ({}, {"name": "b", "metadata": {"managed_by": "them", "managed_in": "x/y", "managed_retain": "true"}}, []),
        # What isn't shown can't be compared: one entry, and a map as a whole.
        (
            {"executor_config": {"headers": "[secret]", "url": "a"}},
            {"executor_config": {"headers": "h", "url": "a"}},
            [],
        ),
        ({"executor_config": "[secret]"}, {"executor_config": {"url": "a"}}, []),
        ({"owner": UNKNOWN}, {"owner": "server"}, []),
        ({"processors": {"log": {"token": "[secret]"}}}, {"processors": {"log": {"token": "t"}}}, []),
    ],
)
def test_the_fields_that_differ_are_named_as_far_as_they_can_be_seen(
    written: dict[str, Any], live: dict[str, Any], paths: list[str]
) -> None:
    assert differing(prints(job(**written)), prints(job(**live))) == paths


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ({"owner": "me"}, {"owner": "server"}),
        ({}, {"owner": "server"}),
        ({"owner": "me"}, {}),
        ({"metadata": {**TAG, "a.b": "1"}}, {"metadata": {**TAG, "a.b": "2"}}),
        ({}, {"metadata": {**TAG, "seen": "2"}}),
        ({"executor_config": {"url": "a"}}, {}),
        ({}, {"executor_config": {"url": "a"}}),
    ],
)
def test_a_field_that_is_left_out_is_read_as_it_is_recorded(recorded: dict[str, Any], live: dict[str, Any]) -> None:
    before, now = job(**recorded), job(**live, retries=7)
    written = prints(before)
    unkept = {path: written.get(path, "") for path in differing(written, prints(job(**live)))}
    assert as_written(now, before, unkept) == canonical({**before, "retries": 7})


def test_a_field_whose_declaration_has_changed_is_compared_again() -> None:
    unkept = {"owner": prints(job(owner="me"))["owner"]}
    assert as_written(job(owner="server"), job(owner="you"), unkept)["owner"] == "server"


maps = st.dictionaries(st.sampled_from(["a", "b.c", ""]), st.sampled_from(["1", "2"]), max_size=2)
jobs = st.fixed_dictionaries(
    {"name": st.just("a")},
    optional={"owner": st.sampled_from(["", "x", "y"]), "metadata": maps, "tags": maps, "disabled": st.booleans()},
)


@given(jobs, jobs)
def test_all_that_differs_left_out_is_what_is_recorded_and_nothing_left_out_is_what_is_live(
    recorded: dict[str, Any], live: dict[str, Any]
) -> None:
    written = prints(recorded)
    unkept = {path: written.get(path, "") for path in differing(written, prints(live))}
    assert as_written(live, recorded, unkept) == canonical(recorded)
    assert as_written(live, recorded, {}) == canonical(live)
