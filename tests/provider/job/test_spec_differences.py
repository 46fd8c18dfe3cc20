from typing import Any

import pytest

from provider.job.spec import MANAGED_FIELDS, changed_fields
from tests.provider.examples import job

OTHER: dict[str, Any] = {
    "name": "other",
    "displayname": "Other",
    "timezone": "Asia/Tokyo",
    "schedule": "@daily",
    "owner": "ops",
    "owner_email": "o@example.com",
    "disabled": True,
    "tags": {"dc": "dc1:1"},
    "metadata": {"managed_by": "d2-dkron-mgr", "team": "a"},
    "retries": 3,
    "parent_job": "p",
    "processors": {"log": {"forward": "true"}},
    "concurrency": "allow",
    "executor": "shell",
    "executor_config": {"command": "x"},
    "ephemeral": True,
    "starts_at": "2030-01-01T00:00:00Z",
    "expires_at": "2031-01-01T00:00:00Z",
}


def test_the_table_has_every_managed_field() -> None:
    assert tuple(OTHER) == MANAGED_FIELDS


@pytest.mark.parametrize("field", MANAGED_FIELDS)
def test_each_field_that_differs_is_named_alone(field: str) -> None:
    assert changed_fields(job(), job(**{field: OTHER[field]})) == [field]
    assert changed_fields(job(**{field: OTHER[field]}), job()) == [field]


def test_several_changes_are_told_in_dkron_s_order() -> None:
    assert changed_fields(job(), job(retries=1, displayname="x", starts_at="2030-01-01T00:00:00Z")) == [
        "displayname",
        "retries",
        "starts_at",
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"retries": 2.0}, {"retries": 2}),
        ({"tags": None}, {"tags": {}}),
        ({"processors": {}}, {"processors": None}),
        ({"concurrency": ""}, {"concurrency": "allow"}),
        ({"starts_at": "2030-01-01T01:00:00+01:00"}, {"starts_at": "2030-01-01T00:00:00Z"}),
        ({"metadata": {"a": 1, "b": None}}, {"metadata": {"b": "", "a": "1"}}),
        ({"disabled": None}, {}),
        ({"status": "success", "next": "x", "success_count": 5}, {}),
    ],
)
def test_spellings_of_one_value_are_no_difference(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert changed_fields({"name": "a", **left}, {"name": "a", **right}) == []


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"metadata": {"a": "1"}}, {"metadata": {}}),
        ({"metadata": {"a": "1"}}, {"metadata": {"a": "2"}}),
        ({"tags": {"a": "1"}}, {"tags": {"A": "1"}}),
        ({"processors": {"log": {}}}, {"processors": {}}),
        ({"processors": {"log": {"a": "b"}}}, {"processors": {"log": {"a": "c"}}}),
        ({"executor_config": {"headers": "[]"}}, {"executor_config": {}}),
    ],
)
def test_maps_are_compared_to_the_last_key(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert changed_fields(left, right) == list(left)
