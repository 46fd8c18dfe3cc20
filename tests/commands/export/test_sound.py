"""What can be written down is taken, whatever Dkron ignores in it; what can't is told in one line."""

import math
from typing import Any

import pytest

from commands.export.sound import sound, without_ignored
from tests.commands.support import export, load, resolve

SHELL = {"schedule": "@daily", "executor": "shell", "executor_config": {"command": "date"}}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("job", "line"),
    [
        (3, "left out: number 1 of the list is no job"),
        (None, "left out: number 1 of the list is no job"),
        ({"schedule": "@daily"}, "left out: job number 1 of the list has no name"),
        ({"name": 5}, "left out: job number 1 of the list has no name"),
        ({"name": "a", "tags": ["x"]}, 'left out: job "a": tags must be a map from text to text'),
        ({"name": "a", "tags": {"x": ["y"]}}, 'left out: job "a": tags.x must be text, not list'),
        ({"name": "a", "processors": {"log": 5}}, 'left out: job "a": processors.log must be a map from text to text'),
        ({"name": "a", "disabled": "no"}, "left out: job \"a\": disabled must be true or false, not 'no'"),
        ({"name": "a", "retries": "2"}, 'left out: job "a": retries must be a whole number, not a str'),
        ({"name": "a", "retries": True}, 'left out: job "a": retries must be a whole number, not a bool'),
        ({"name": "a", "retries": math.nan}, 'left out: job "a": retries is no number that JSON knows'),
        (
            {"name": "a", "executor_config": {"timeout": math.inf}},
            'left out: job "a": executor_config.timeout is no number that JSON knows',
        ),
        ({"name": "a", "disabled": nested(100_000)}, 'left out: job "a": is nested too deeply'),
    ],
)
def test_a_job_of_the_wrong_kind_is_told_in_a_line(job: Any, line: str) -> None:
    assert sound([job]) == ([], [line])


def test_the_first_job_of_a_name_is_taken() -> None:
    assert sound([{"name": "a"}, {"name": "a", "retries": 1}]) == (
        [{"name": "a"}],
        ['left out: job "a" is there twice; the first was taken'],
    )


def test_what_json_allows_in_the_place_of_text_and_maps_is_taken() -> None:
    job = {"name": "a", "tags": None, "metadata": {"n": 5, "live": True, "none": None}, "retries": 2.0}
    assert sound([job]) == ([job], [])


def test_what_dkron_ignores_is_left_out_and_told() -> None:
    ignored = {"project": "dms", "allowed_exitcodes": "0, 1", "mem_limit_kb": "16384", "cwd": ""}
    job = {
        "name": "a",
        **SHELL,
        "executor_config": {"command": "date", "shell": "false", **ignored},
        "processors": {"log": {"type": "log", "forward": "true"}, "slack": {"type": "slack"}},
        "run_as_user": "root",
        "environment_variables": None,
        "next": "2030-01-01T00:00:00Z",
        "notes": ["x"],
        "comment": "",
    }
    fields, told = without_ignored(job)
    assert fields["executor_config"] == {"command": "date", "shell": "false"}
    assert fields["processors"] == {"log": {"forward": "true"}, "slack": {"type": "slack"}}
    assert told == {
        "run_as_user": "root",
        "notes": "a list",
        **{f"executor_config.{option}": value for option, value in ignored.items()},
        "processors.log.type": "log",
    }
    text, (imported,), keys = export([job])
    ((spec,), left) = load(text)
    assert (left, imported.against) == ([], [])
    assert resolve(spec.inputs(), keys)["executor_config"] == {"command": "date", "shell": "false"}
    assert '# left out, for Dkron ignores it: run_as_user "root", notes "a list", executor_config.project "dms"' in text


def test_three_hundred_such_jobs_give_three_hundred_declarations() -> None:
    config = {"command": "date", "project": "dms", "cwd": ""}
    jobs = [{"name": f"job-{number}", **SHELL, "executor_config": config} for number in range(300)]
    text, _, _ = export(jobs)
    taken, left = load(text)
    assert (len(taken), len(left)) == (300, 0)


def test_the_options_of_a_plugin_are_not_judged() -> None:
    job = {"name": "a", "executor": "kafka", "executor_config": {"anything": "x", "cwd": ""}}
    assert without_ignored(job) == (job, {})


def test_a_secret_in_what_is_left_out_is_not_shown() -> None:
    job = {"name": "a", **SHELL, "executor_config": {"command": "date", "project": "x", "old_token": "CANARY-4f1d"}}
    text, _, _ = export([job])
    assert "CANARY" not in text
    assert 'executor_config.old_token "[secret]"' in text
