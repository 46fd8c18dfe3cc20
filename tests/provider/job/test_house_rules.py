"""What a house may ask of its declarations."""

from typing import Any

import pytest

from provider.advice import CODES
from provider.job.executors import http, plugin, shell
from provider.job.house_rules import RULES, HouseRules, judge, parse_rules
from provider.job.references import setting
from provider.job.spec import JobSpec
from provider.job.tags import ALL_NODES

EVERY = {
    **dict.fromkeys(("tags", "owner", "timeout", "expect-code", "no-shell"), "error"),
    "shortest-period": {"error": 300},
    "name": {"error": "[a-z]+-[a-z-]+"},
}
GOOD: dict[str, Any] = {
    "name": "team-report",
    "schedule": "0 0 2 * * *",
    "owner": "team",
    "tags": {"dc": "dc1:1"},
    "executor": http("http://h/", timeout=30, expect_code=200),
}


def broken(rules: object, **fields: Any) -> list[str]:
    """The rules that a job breaks, with the reasons."""
    errors, warnings = judge([JobSpec(**{**GOOD, **fields})], parse_rules(rules))
    assert not warnings
    return [error.partition('": house rule ')[2] for error in errors]


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({}, []),
        ({"tags": {}}, ["tags: declares no tags; ALL_NODES says every node"]),
        ({"tags": ALL_NODES}, []),
        ({"owner": ""}, ["owner: has no owner"]),
        ({"owner": setting("owner")}, []),
        ({"executor": http("http://h/", expect_code=200)}, ["timeout: has no timeout"]),
        ({"executor": http("http://h/", timeout=0, expect_code=200)}, ["timeout: has no timeout"]),
        ({"executor": http("http://h/", timeout=setting("t", int), expect_code=setting("c"))}, []),
        ({"executor": http("http://h/", timeout=5)}, ["expect-code: has no expect_code"]),
        ({"executor": shell("true", timeout="5s")}, ["no-shell: runs a shell command"]),
        ({"executor": plugin("shell.exe", {"timeout": "5s"})}, ["no-shell: runs a shell command"]),
        ({"executor": plugin("nats")}, []),
        ({"executor": "nats", "executor_config": 3}, []),
        ({"schedule": "0 * * * * *"}, ["shortest-period: runs every 60 s, and 300 s is the least"]),
        ({"schedule": "@every 299s"}, ["shortest-period: runs every 299 s, and 300 s is the least"]),
        ({"schedule": "@every 5m"}, []),
        ({"schedule": "0 0,1 2 * * *"}, ["shortest-period: runs every 60 s, and 300 s is the least"]),
        ({"schedule": "nonsense"}, []),
        ({"schedule": setting("when")}, []),
        ({"schedule": "0 * * * * *", "parent_job": "a"}, []),
        ({"name": "report"}, ["name: the name must match [a-z]+-[a-z-]+"]),
        ({"name": "team-report2"}, ["name: the name must match [a-z]+-[a-z-]+"]),
    ],
)
def test_a_job_is_held_to_each_rule(fields: dict[str, Any], reasons: list[str]) -> None:
    assert broken(EVERY, **fields) == reasons


def test_every_rule_is_off_until_it_is_set() -> None:
    bare = JobSpec(name="x", schedule="* * * * * *", executor=shell("true"))
    assert judge([bare], HouseRules()) == ([], [])
    assert judge([bare], parse_rules({})) == ([], [])
    assert set(EVERY) == set(RULES)


def test_a_warning_can_be_accepted_by_its_code_and_an_error_can_not() -> None:
    rules = parse_rules({"owner": "warning", "tags": "error"})
    bare = {**GOOD, "owner": "", "tags": {}, "declared_at": "jobs/a.py:3"}
    error = 'jobs/a.py:3: job "team-report": house rule tags: declares no tags; ALL_NODES says every node'
    warning = 'jobs/a.py:3: job "team-report": house rule owner: has no owner [rule-owner]'
    assert judge([JobSpec(**bare)], rules) == ([error], [warning])
    assert judge([JobSpec(**bare, accept=("rule-owner", "rule-tags"))], rules) == ([error], [])
    assert judge([JobSpec(**bare, accept="rule-owner")], rules) == ([error], [])


@pytest.mark.parametrize(
    ("table", "reasons"),
    [
        ("error", ['must be a table such as owner = "warning"']),
        ({"owner_": "error"}, ["owner_: there is no such rule; did you mean owner?"]),
        ({"owner": "fatal"}, ['owner: must be "error" or "warning", not \'fatal\'']),
        ({"owner": True}, ['owner: must be "error" or "warning", not True']),
        ({"name": "error"}, ['name: must look like { error = "[a-z]+-[a-z-]+" }, or with warning']),
        ({"name": {"error": 3}}, ['name: must look like { error = "[a-z]+-[a-z-]+" }']),
        ({"name": {"error": "("}}, ["name: is no regular expression: "]),
        ({"shortest-period": {"fatal": 3}}, ["shortest-period: must look like { error = 300 }, in seconds, or with"]),
        ({"shortest-period": {"error": True}}, ["shortest-period: must look like { error = 300 }, in seconds"]),
        ({"shortest-period": {"error": 0}}, ["shortest-period: must look like { error = 300 }, in seconds"]),
        ({"shortest-period": {"error": "5m"}}, ["shortest-period: must look like { error = 300 }, in seconds"]),
        ({"tags": 1, "owner": 2}, ['tags: must be "error" or "warning", not 1', "owner: must be"]),
    ],
)
def test_a_wrong_table_is_one_line_for_each_rule(table: object, reasons: list[str]) -> None:
    with pytest.raises(ValueError, match=r"pyproject\.toml") as caught:
        parse_rules(table)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(reasons)
    for line, reason in zip(lines, reasons, strict=True):
        assert line.startswith(f"pyproject.toml, [tool.dkron-jobs.rules]: {reason}")


def test_each_rule_has_a_code_of_its_name() -> None:
    assert {f"rule-{rule}" for rule in RULES} <= CODES
