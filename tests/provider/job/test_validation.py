import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.job.advise import advise
from provider.job.spec import MANAGED_FIELDS, UNKNOWN
from provider.job.validation import MAX_RETRIES, check_job, parent_cycle, warnings_for
from tests.provider.examples import OWNER, http_config, job
from tests.provider.job.test_spec import anything


def test_the_good_example_is_fine() -> None:
    assert check_job(job()) == []
    assert warnings_for(job()) == []
    assert check_job({**job(), "__provider": "gAS"}) == []


def test_a_declaration_can_not_hold_its_job() -> None:
    ((prop, reason),) = check_job(job(metadata={"managed_by": OWNER, "held_until": "2030-01-01T00:00:00Z"}))
    assert (prop, "python -m jobs hold" in reason) == ("metadata.held_until", True)


@pytest.mark.parametrize(
    ("field", "value", "prop", "words"),
    [
        ("name", "", "name", "empty"),
        ("name", None, "name", "empty"),
        ("name", "a b", "name", "illegal character"),
        ("name", 5, "name", "must be text, not int"),
        ("displayname", 5, "displayname", "must be text"),
        ("displayname", "\ud800", "displayname", "surrogate"),
        ("owner", ["a"], "owner", "must be text"),
        ("timezone", "Mars/Base", "timezone", "Mars/Base"),
        ("timezone", 1, "timezone", "must be text"),
        ("schedule", "", "schedule", "is empty"),
        ("schedule", "every day", "schedule", "6 fields"),
        ("schedule", 5, "schedule", "must be text"),
        ("schedule", "@at 9999-12-31T23:59:59-01:00", "schedule", "empty Dkron's whole job list"),
        ("disabled", "true", "disabled", "true or false"),
        ("disabled", 1, "disabled", "true or false"),
        ("ephemeral", "yes", "ephemeral", "true or false"),
        ("tags", ["a"], "tags", "must be a map"),
        ("tags", {"a": ["b"]}, "tags.a", "must be text"),
        ("tags", {"\udfff": "b"}, "tags", "surrogate"),
        ("processors", "log", "processors", "must be a map"),
        ("processors", {"log": "x"}, "processors.log", "must be a map"),
        ("processors", {"log": {"a": ["b"]}}, "processors.log.a", "must be text"),
        ("processors", {"\ud800": {}}, "processors", "surrogate"),
        ("concurrency", "replace", "concurrency", '"allow" or "forbid"'),
        ("concurrency", "Allow", "concurrency", '"allow" or "forbid"'),
        ("concurrency", 5, "concurrency", "must be text"),
        ("retries", -1, "retries", "between 0 and"),
        ("retries", 1.5, "retries", "whole number"),
        ("retries", "3", "retries", "whole number"),
        ("retries", True, "retries", "whole number"),
        ("retries", MAX_RETRIES + 1, "retries", "between 0 and"),
        ("parent_job", "geo-purge", "parent_job", "itself"),
        ("parent_job", 5, "parent_job", "must be text"),
        ("executor", None, "executor", "is missing"),
        ("executor", "", "executor", "is missing"),
        ("executor", 5, "executor", "must be text"),
        ("executor_config", "x", "executor_config", "must be a map"),
        ("executor_config", http_config(url=None), "executor_config.url", "is missing"),
        ("executor_config", http_config(timeout="1s"), "executor_config.timeout", "whole seconds"),
        ("executor_config", {**http_config(), "headers": ["A: b"]}, "executor_config.headers", "must be text"),
        ("starts_at", "", "starts_at", "must be a date"),
        ("starts_at", "soon", "starts_at", "must be a date"),
        ("starts_at", "2030-01-02", "starts_at", "write 2030-01-02T00:00:00Z"),
        ("starts_at", "2030-01-02T03:04:05", "starts_at", "write 2030-01-02T03:04:05Z"),
        ("starts_at", "2030-01-02 03:04+01:00", "starts_at", "write 2030-01-02T03:04:00+01:00"),
        ("tags", {"dc": "dc1:one"}, "tags.dc", "it runs nowhere"),
        ("executor_config", {**http_config(), "method": "post"}, "executor_config.method", 'write "POST"'),
        ("starts_at", 5, "starts_at", "must be text"),
        ("expires_at", "9999-12-31T23:59:59-01:00", "expires_at", "whole job list"),
        ("expires_at", "0000-01-01T00:00:00+01:00", "expires_at", "whole job list"),
        ("metadata", {}, "metadata.managed_by", "is missing"),
        ("metadata", None, "metadata.managed_by", "is missing"),
        ("metadata", {"managed_by": ""}, "metadata.managed_by", "is missing"),
        ("metadata", "x", "metadata", "must be a map"),
        ("metadata", {"managed_by": OWNER, "a": {"b": "c"}}, "metadata.a", "must be text"),
        ("command", "x", "", "command is no field"),
    ],
)
def test_what_dkron_refuses_or_would_misbehave_on_is_refused_on_its_property(
    field: str, value: Any, prop: str, words: str
) -> None:
    ((found, reason),) = check_job(job(**{field: value}))
    assert found == prop
    assert words in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "été-ß_0"),
        ("timezone", ""),
        ("timezone", "Asia/Tokyo"),
        ("schedule", "@every 1h"),
        ("schedule", "TZ=Asia/Tokyo 0 0 2 * * *"),
        ("schedule", "@at 2030-01-02T03:04:05Z"),
        ("disabled", True),
        ("ephemeral", True),
        ("owner", "a&b<c>\u2028\0"),
        ("owner_email", "no address"),
        ("tags", {"dc": "dc1:1"}),
        ("processors", {"nosuch": {"a": "b"}}),
        ("processors", {"log": None}),
        ("concurrency", "allow"),
        ("concurrency", ""),
        ("retries", 2.0),
        ("retries", MAX_RETRIES),
        ("retries", 0),
        ("parent_job", "other"),
        ("starts_at", "2030-01-02T03:04"),
        ("metadata", {"managed_by": "anyone", "count": 5}),
    ],
)
def test_what_dkron_takes_and_does_is_taken(field: str, value: Any) -> None:
    assert check_job(job(**{field: value})) == []


def test_a_child_needs_no_schedule_and_a_bad_one_is_still_refused() -> None:
    assert check_job(job(parent_job="other", schedule=None)) == []
    assert [prop for prop, _ in check_job(job(parent_job="other", schedule="x"))] == ["schedule"]


@pytest.mark.parametrize("executor", ["kafka", "our-own"])
def test_the_config_of_another_executor_is_its_own_affair(executor: str) -> None:
    assert check_job(job(executor=executor, executor_config={"anything": "x"})) == []


def test_every_problem_is_told_at_once() -> None:
    problems = check_job(
        {
            "name": "A B",
            "schedule": "bad",
            "timezone": "X",
            "concurrency": "x",
            "retries": -1,
            "executor": "http",
            "starts_at": "?",
            "tags": {"a": []},
            "disabled": 5,
            "command": "x",
        }
    )
    assert [prop for prop, _ in problems] == [
        "",
        "disabled",
        "tags.a",
        "name",
        "schedule",
        "timezone",
        "concurrency",
        "retries",
        "starts_at",
        "executor_config.url",
        "executor_config.method",
        "metadata.managed_by",
    ]


@pytest.mark.parametrize("field", MANAGED_FIELDS)
def test_a_value_that_is_not_known_yet_passes(field: str) -> None:
    assert check_job(job(**{field: UNKNOWN})) == []
    assert warnings_for(job(**{field: UNKNOWN})) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metadata", {"managed_by": UNKNOWN}),
        ("tags", {"dc": UNKNOWN}),
        ("processors", {"log": UNKNOWN}),
        ("processors", {"log": {"a": UNKNOWN}}),
        ("executor_config", http_config(headers=UNKNOWN)),
    ],
)
def test_a_nested_value_that_is_not_known_yet_passes(field: str, value: Any) -> None:
    assert check_job(job(**{field: value})) == []


@given(st.dictionaries(st.sampled_from([*MANAGED_FIELDS, "command", "__provider"]), anything))
def test_anything_at_all_gets_a_verdict_and_never_an_exception(values: dict[str, Any]) -> None:
    for prop, reason in check_job(values):
        assert isinstance(prop, str)
        assert reason
    assert isinstance(warnings_for(values), list)


@given(st.dictionaries(st.sampled_from(MANAGED_FIELDS), anything))
def test_what_is_fine_can_be_sent_as_json_of_the_kinds_that_dkron_reads(values: dict[str, Any]) -> None:
    if not check_job(values):
        json.dumps(values, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": "0 0 0 30 2 *"}, "never"),
        ({"schedule": "@daily", "timezone": "Asia/Tokyo"}, "timezone"),
        ({"executor_config": http_config(expectCode="2xx")}, "can match no answer"),
        ({"parent_job": "other"}, "never fires"),
        ({"parent_job": "other", "schedule": "* * * * * *"}, "never fires"),
        ({"ephemeral": True}, "Dkron deletes an ephemeral job after its first success"),
        ({"starts_at": "2030-12-01T00:00"}, "has no zone and is taken as UTC: write 2030-12-01T00:00:00Z"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "is past"),
        ({"schedule": "* * * * * *"}, "every second"),
        ({"tags": {"zone": ":1"}}, "tags.zone is empty"),
        ({"owner_email": "a@x.org, b@x.org"}, "not one address"),
        ({"owner_email": "a@x.org;b@x.org"}, "not one address"),
        ({"owner_email": "nobody"}, "not one address"),
        ({"owner_email": "a" * 2000 + "@x.org"}, "not one address"),
        ({"processors": {"slack": {"team": "x"}}}, 'ships no processor "slack"'),
        ({"executor": "htpp"}, "did you mean http?"),
        ({"executor": "our-own"}, "there are gcppubsub, grpc, http"),
        ({"executor": "shell.exe", "executor_config": {"command": "x"}}, "Windows"),
        ({"executor": "kafka", "executor_config": {"brokerAddress": "b"}}, "topic is missing"),
        ({"starts_at": "2031-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}, "is not after"),
        ({"starts_at": "2030-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}, "is not after"),
    ],
)
def test_what_is_likely_a_mistake_is_a_warning_and_no_problem(changes: dict[str, Any], words: str) -> None:
    values = job(**changes)
    (warning,) = warnings_for(values)
    assert words in warning
    assert "\n" not in warning
    assert check_job(values) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_email": "Ops Team <ops@example.com>"},
        {"owner_email": '"Ops, (team)" <ops@example.com>'},
        {"owner_email": "ops@example.com"},
        {"owner_email": "<ops@[127.0.0.1]>"},
        {"owner_email": "müller@exämple.org"},
        {"parent_job": "other", "schedule": None},
        {"parent_job": "other", "schedule": "@manually"},
        {"processors": {"files": {"forward": True, "log_dir": "/tmp"}, "log": None, "syslog": {"forward": "false"}}},
        {"expires_at": "2999-01-01T00:00:00Z"},
    ],
)
def test_what_is_fine_is_no_warning(changes: dict[str, Any]) -> None:
    assert warnings_for(job(**changes)) == []


@pytest.mark.parametrize(
    ("option", "value", "prop"),
    [("timeout", "30", "timeout"), ("command", "", "command"), ("nosuch", "x", "nosuch"), ("env", {"A": "1,2"}, "env")],
)
def test_the_shell_of_windows_is_checked_like_shell(option: str, value: Any, prop: str) -> None:
    config = {"command": "x", option: value}
    assert [name for name, _ in check_job(job(executor="shell.exe", executor_config=config))] == [
        f"executor_config.{prop}"
    ]


def test_a_job_accepts_one_kind_of_warning() -> None:
    values = job(schedule="* * * * * *", owner_email="a, b")
    assert len(warnings_for(values)) == 2
    (warning,) = warnings_for(values, accept=("every-second",))
    assert "not one address" in warning


def test_the_limit_of_how_often_a_job_may_run_can_be_another() -> None:
    assert [found.code for found in advise(job(schedule="0 */5 * * * *"), least_seconds=301)] == ["every-second"]
    assert advise(job(schedule="*/2 * * * * *"), least_seconds=2) == []


def test_dates_are_compared_to_the_fraction() -> None:
    assert warnings_for(job(starts_at="2030-01-01T00:00:00Z", expires_at="2030-01-01T00:00:00.5Z")) == []
    assert warnings_for(job(starts_at="2030-01-01T00:00:00.5Z", expires_at="2030-01-01T00:00:00Z"))


@pytest.mark.parametrize("schedule", ["bad", "", 5, ["@daily"]])
def test_a_job_that_is_refused_or_has_no_schedule_is_not_warned_of_it(schedule: Any) -> None:
    assert warnings_for(job(schedule=schedule)) == []


@pytest.mark.parametrize(
    ("name", "parents", "cycle"),
    [
        ("a", {}, None),
        ("a", {"a": ""}, None),
        ("a", {"a": "b"}, None),
        ("a", {"a": "b", "b": "c"}, None),
        ("a", {"a": "a"}, ["a", "a"]),
        ("a", {"a": "b", "b": "a"}, ["a", "b", "a"]),
        ("b", {"a": "b", "b": "c", "c": "a"}, ["b", "c", "a", "b"]),
        ("d", {"d": "a", "a": "b", "b": "a"}, None),  # leads into a cycle, isn't in it
        ("a", {"a": "b", "b": UNKNOWN}, None),
    ],
)
def test_the_cycle_that_a_job_is_in_is_found(name: str, parents: dict[str, str], cycle: list[str] | None) -> None:
    assert parent_cycle(name, parents) == cycle


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdefg"])), st.sampled_from("abcdef"))
def test_a_cycle_follows_the_parents_back_to_its_start(parents: dict[str, str], name: str) -> None:
    cycle = parent_cycle(name, parents)
    if cycle is not None:
        assert cycle[0] == cycle[-1] == name
        assert all(parents[child] == parent for child, parent in itertools.pairwise(cycle))
        assert len(set(cycle)) == len(cycle) - 1
