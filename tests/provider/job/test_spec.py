import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.executors import http, plugin
from provider.job.references import setting
from provider.job.spec import COUNTERS, DEFAULTS, MANAGED_FIELDS, UNKNOWN, JobSpec, canonical, to_dkron, unknown_fields
from provider.schedule.moments import utc_time

SERVER_FIELDS = {
    "id": "x",
    "success_count": 3,
    "error_count": 1,
    "last_success": "2020-01-01T00:00:00Z",
    "last_error": None,
    "status": "success",
    "next": "2030-01-01T00:00:00Z",
    "dependent_jobs": ["a"],
    "__provider": "gAS",
    "nosuch": 1,
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_the_managed_fields_are_all_that_dkron_lets_a_user_set() -> None:
    assert MANAGED_FIELDS == (
        "name",
        "displayname",
        "timezone",
        "schedule",
        "owner",
        "owner_email",
        "disabled",
        "tags",
        "metadata",
        "retries",
        "parent_job",
        "processors",
        "concurrency",
        "executor",
        "executor_config",
        "ephemeral",
        "starts_at",
        "expires_at",
    )


def test_the_server_s_own_fields_never_show() -> None:
    assert canonical({"name": "a", **SERVER_FIELDS}) == {"name": "a"}


@pytest.mark.parametrize(
    ("field", "given_value", "wanted"),
    [
        ("retries", 2.0, 2),
        ("retries", 2, 2),
        ("retries", 2.5, 2.5),
        ("retries", math.inf, math.inf),
        ("retries", True, True),
        ("retries", "2", "2"),
        ("retries", -1, -1),
        ("retries", False, False),
        ("disabled", True, True),
        ("disabled", 1, 1),
        ("disabled", 0, 0),
        ("disabled", "true", "true"),
        ("ephemeral", True, True),
        ("displayname", "x", "x"),
        ("displayname", 5, 5),
        ("owner", " ", " "),
        ("concurrency", "forbid", "forbid"),
        ("concurrency", "Forbid", "Forbid"),
        ("tags", {"dc": "dc1:1"}, {"dc": "dc1:1"}),
        ("tags", ["a"], ["a"]),
        ("tags", "x", "x"),
        ("tags", UNKNOWN, UNKNOWN),
        ("metadata", {"a": None}, {"a": ""}),
        ("metadata", {"a": True, "b": False}, {"a": "true", "b": "false"}),
        ("metadata", {"a": 3.0, "b": 3, "c": 0.5}, {"a": "3", "b": "3", "c": "0.5"}),
        ("metadata", {"a": UNKNOWN}, {"a": UNKNOWN}),
        ("metadata", {"a": ["b"]}, {"a": ["b"]}),
        ("executor_config", {"timeout": 30.0}, {"timeout": "30"}),
        ("processors", {"log": None}, {"log": {}}),
        ("processors", {"log": {"forward": True}}, {"log": {"forward": "true"}}),
        ("processors", {"log": "x"}, {"log": "x"}),
        ("processors", "x", "x"),
        ("processors", {"log": UNKNOWN}, {"log": UNKNOWN}),
        ("starts_at", "2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"),
        ("starts_at", "", ""),
        ("starts_at", 5, 5),
        ("expires_at", "tomorrow", "tomorrow"),
        ("expires_at", UNKNOWN, UNKNOWN),
        ("starts_at", datetime(2030, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), "2030-01-02T02:00:00Z"),
    ],
)
def test_a_value_has_one_canonical_form(field: str, given_value: Any, wanted: Any) -> None:
    result = canonical({"name": "a", field: given_value})
    assert result == {"name": "a", field: wanted}
    assert type(result[field]) is type(wanted)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("displayname", [None, ""]),
        ("retries", [None, 0, 0.0, -0.0]),
        ("disabled", [None, False]),
        ("ephemeral", [None, False]),
        ("tags", [None, {}]),
        ("metadata", [None, {}]),
        ("executor_config", [None, {}]),
        ("processors", [None, {}]),
        ("concurrency", [None, "", "allow"]),
        ("starts_at", [None]),
        ("expires_at", [None]),
        ("parent_job", [None, ""]),
        ("schedule", [None, ""]),
    ],
)
def test_what_an_upsert_would_fill_in_is_left_out(field: str, values: list[Any]) -> None:
    for value in values:
        assert canonical({"name": "a", field: value}) == {"name": "a"}


@pytest.mark.parametrize("name", [None, ""])
def test_a_name_that_is_given_is_always_kept(name: str | None) -> None:
    assert canonical({"name": name}) == {"name": ""}
    assert canonical({}) == {}


@given(st.dictionaries(st.sampled_from([*MANAGED_FIELDS, *SERVER_FIELDS]), anything))
def test_the_canonical_form_of_anything_is_its_own_canonical_form(values: dict[str, Any]) -> None:
    once = canonical(values)
    assert set(once) <= set(MANAGED_FIELDS)
    assert repr(canonical(once)) == repr(once)


@given(st.dictionaries(st.sampled_from(MANAGED_FIELDS), anything))
def test_a_post_says_every_managed_field_and_no_other(values: dict[str, Any]) -> None:
    body = to_dkron(values)
    assert list(body) == list(MANAGED_FIELDS)
    assert repr(canonical(body)) == repr({"name": "", **canonical(values)})


@given(st.dictionaries(st.sampled_from([*MANAGED_FIELDS, *COUNTERS, "id", "max_runtime", "labels"]), anything))
def test_a_post_sends_the_unknown_fields_of_the_live_job_along_and_nothing_else(live: dict[str, Any]) -> None:
    body = to_dkron({"name": "a", "retries": 2}, live)
    unknown = {name: value for name, value in live.items() if name in ("max_runtime", "labels") and value is not None}
    assert repr(unknown_fields(live)) == repr(unknown)
    assert {name: body[name] for name in MANAGED_FIELDS} == to_dkron({"name": "a", "retries": 2})
    assert body.keys() == {*MANAGED_FIELDS, *unknown}


def test_a_post_does_not_lend_out_the_defaults() -> None:
    before = repr(DEFAULTS)
    canonical(to_dkron({"name": "a", "tags": {"a": "b"}}))
    assert repr(DEFAULTS) == before


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04", "2030-01-02T03:04:00Z"),
        ("2030-01-02T3:04", "2030-01-02T03:04:00Z"),
        ("2030-01-02T03:04:05,5Z", "2030-01-02T03:04:05.5Z"),
        ("2030-01-02T03:04:05.120000000Z", "2030-01-02T03:04:05.12Z"),
        ("2030-01-02T03:04:05.0Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05+24:00", "2030-01-01T03:04:05Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("9999-12-31T23:59:59-01:00", None),
        ("0000-01-01T00:00:00+01:00", None),
        ("2030-01-02", None),
        ("", None),
        ("2030-02-30T00:00:00Z", None),
        ("2030-01-02T03:04:05", None),
        ("2030-01-02 03:04", None),
        ("٢٠٣٠-01-02T03:04", None),
        ("2030-01-02T03:04:05Z\ud800", None),
    ],
)
def test_a_date_is_written_as_dkron_gives_it_back(text: str, wanted: str | None) -> None:
    assert utc_time(text) == wanted


@given(st.datetimes(timezones=st.timezones()))
def test_any_date_of_python_is_the_same_moment_in_utc(when: datetime) -> None:
    try:
        utc = when.astimezone(UTC)
    except OverflowError:
        return
    offset = when.utcoffset() or timedelta()
    if offset.total_seconds() % 60:
        return  # offsets of old days have seconds, which RFC 3339 can't write
    result = utc_time(when.isoformat())
    assert result is not None
    assert datetime.fromisoformat(result) == utc


def spec(**changes: Any) -> JobSpec:
    return JobSpec(name="geo-purge", **changes)


def test_a_spec_says_only_what_is_not_dkron_s_default() -> None:
    assert spec().inputs() == {"name": "geo-purge"}
    assert spec(schedule="@daily", retries=2, disabled=False, concurrency="allow").inputs() == {
        "name": "geo-purge",
        "schedule": "@daily",
        "retries": 2,
    }


def test_a_spec_unfolds_its_executor_and_what_stands_beside_it_wins() -> None:
    inputs = spec(executor=http("http://gw/" + setting("n"), timeout=30), executor_config={"timeout": "5"}).inputs()
    assert inputs["executor"] == "http"
    assert inputs["executor_config"] == {"method": "GET", "url": "http://gw/" + setting("n"), "timeout": "5"}


def test_an_executor_by_name_keeps_its_config() -> None:
    inputs = spec(executor="kafka", executor_config={"topic": "t"}).inputs()
    assert (inputs["executor"], inputs["executor_config"]) == ("kafka", {"topic": "t"})
    assert spec(executor=plugin("nats")).inputs() == {"name": "geo-purge", "executor": "nats"}


def test_a_spec_knows_where_it_was_declared_and_compares_without_it() -> None:
    one = spec()
    two = spec()
    assert one == two
    assert one.declared_at.startswith("job/test_spec.py:")
    assert one.declared_at == two.declared_at  # both through spec(), whose line is the first outside the package


def test_a_spec_s_place_is_that_of_the_caller_of_a_private_helper(tmp_path: Any) -> None:
    helper = compile(
        "from provider.job.spec import JobSpec\ndef make():\n    return JobSpec(name='a')\n", "/x/_helper.py", "exec"
    )
    space: dict[str, Any] = {}
    exec(helper, space)
    caller = compile("\n\nmade = make()\n", "/x/jobs/geo.py", "exec")
    exec(caller, space)
    assert space["made"].declared_at == "jobs/geo.py:3"


def test_a_spec_without_any_caller_of_its_own_still_has_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provider.job.spec._HERE", "")  # then every caller counts as this package's own
    assert spec().declared_at.rpartition(":")[2].isdecimal()
