import json

import pytest

from provider.recording import kept_mark, recorded, recorded_mark
from tests.provider.examples import OWNER, http_config, job

MARK = "shop/dev"
KEY = "k-7731-service"
OURS = {"managed_by": OWNER, "managed_in": MARK}


def ours(**changes: object) -> dict[str, object]:
    config = http_config(headers=json.dumps([f"X-Api-Key: {KEY}"]))
    return job(**{"metadata": OURS, "executor_config": config, **changes})


@pytest.mark.parametrize(
    ("props", "mark"),
    [
        (ours(), MARK),
        ({**ours(metadata={"managed_by": "theirs"}), "managed_in": MARK}, MARK),
        ({**ours(), "managed_in": ""}, ""),
        (job(metadata={"managed_by": OWNER}), ""),
    ],
)
def test_the_mark_that_was_kept_wins_over_the_one_in_the_metadata(props: dict[str, object], mark: str) -> None:
    assert recorded_mark(props) == mark


@pytest.mark.parametrize(("live", "kept"), [(ours(), {}), (job(metadata={"managed_in": "shop/prod"}), MARK)])
def test_our_mark_is_kept_beside_a_job_that_carries_another(live: dict[str, object], kept: object) -> None:
    assert kept_mark(ours(), live) == (kept and {"managed_in": kept})


def test_our_own_job_is_recorded_with_all_its_fields() -> None:
    assert recorded(ours(displayname="By hand"), ours(), OWNER, MARK) == ours(displayname="By hand")


@pytest.mark.parametrize(
    "metadata",
    [{}, {"managed_by": "terraform", "password": "pw-of-theirs"}, {"managed_by": OWNER, "managed_in": "shop/prod"}],
)
def test_a_foreign_job_is_recorded_by_name_owner_and_a_digest(metadata: dict[str, str]) -> None:
    theirs = job(metadata=metadata, executor="shell", executor_config={"command": "login pw-of-theirs"})
    found = recorded(theirs, ours(), OWNER, MARK)
    assert set(found) == {"name", "metadata", "foreign_digest"}
    assert set(found["metadata"]) <= {"managed_by", "managed_in"}
    assert "pw-of-theirs" not in json.dumps(found)


def test_the_digest_of_a_foreign_job_changes_with_its_fields_and_not_with_its_runs() -> None:
    first, ran, changed = (
        recorded(job(metadata={}, **more), ours(), OWNER, MARK)
        for more in ({}, {"success_count": 7, "next": "2030-01-01T00:00:00Z"}, {"displayname": "New"})
    )
    assert first == ran != changed


def test_a_long_owner_tag_of_a_stranger_is_cut() -> None:
    found = recorded(job(metadata={"managed_by": "x\n" * 60_000}), ours(), OWNER, MARK)
    assert len(found["metadata"]["managed_by"]) < 400


@pytest.mark.parametrize("held", ["", MARK])
def test_a_job_without_a_mark_is_recorded_as_ours(held: str) -> None:
    assert recorded(ours(metadata={"managed_by": OWNER}), ours(), OWNER, held)["schedule"] == "0 0 2 * * *"


def test_a_job_with_a_mark_is_ours_where_the_state_is_older_than_marks() -> None:
    assert recorded(ours(), ours(metadata={"managed_by": OWNER}), OWNER, "") == ours()


@pytest.mark.parametrize(
    "changes",
    [
        {"displayname": f"key {KEY}"},
        {"executor_config": http_config(headers="[]", body=KEY)},
        {"processors": {"log": {"forward": KEY}}},
        {"metadata": {**OURS, "note": f"it is {KEY}"}},
    ],
)
def test_a_secret_that_was_moved_to_another_field_is_masked_there(changes: dict[str, object]) -> None:
    found = recorded(ours(**changes), ours(), OWNER, MARK)
    assert KEY not in json.dumps({**found, "executor_config": {**found["executor_config"], "headers": ""}})
    assert "[secret]" in json.dumps(found)


def test_a_secret_stays_where_it_is_at_home_and_where_it_was_declared_twice() -> None:
    twice = ours(displayname=f"key {KEY}", processors={"log": {"token": KEY}})
    assert recorded({**twice, "retries": 5}, twice, OWNER, MARK) == {**twice, "retries": 5}
    other = ours(executor_config=http_config(headers=json.dumps([f"X-Key: {KEY}"])))
    assert recorded(other, ours(), OWNER, MARK) == other
