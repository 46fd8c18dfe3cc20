"""The jobs of a Terraform state, as each of the public providers writes them."""

from typing import Any

import pytest

from commands.export.terraform import NoState, jobs_in
from provider.job.spec import canonical


def state(*attributes: Any, sensitive: list[Any] | None = None) -> dict[str, Any]:
    """A state with one resource whose instances have these attributes."""
    instances = [{"attributes": one, "sensitive_attributes": sensitive or []} for one in attributes]
    return {
        "version": 4,
        "resources": [
            {"mode": "managed", "type": "random_id", "instances": [{"attributes": {"name": "no"}}]},
            {"mode": "data", "type": "dkron_job", "instances": [{"attributes": {"name": "no"}}]},
            {"mode": "managed", "type": "dkron_job", "name": "job", "instances": instances},
            "nonsense",
        ],
    }


FLAT = {
    "id": "job1",
    "name": "job1",
    "parent_job": None,
    "schedule": "@every 10m",
    "timezone": "Europe/Riga",
    "retries": 5,
    "disabled": False,
    "concurrency": "forbid",
    "executor": "shell",
    "command": "date",
    "env": "EDITOR=vi",
    "cwd": "",
    "shell": False,
    "allowed_exitcodes": "0, 199, 255",
    "timeout": "9s",
    "mem_limit_kb": "16384",
    "project": "dms",
    "tags": {"dms": "cron:1"},
    "processors": [{"type": "fluent", "forward": "true", "log_dir": ""}, {"type": "log", "forward": None}],
    "dependent_jobs": None,
}
MAPPED = {
    "name": "job2",
    "displayname": "job dms 1",
    "schedule": "@every 10m",
    "executor": "shell",
    "executor_config": {"shell": "true", "command": "ls", "env": "FOO=bar"},
    "metadata": {"team": "a"},
    "processors": [{"type": "files", "forward": "", "log_dir": "/tmp"}],
    "timeouts": {"create": "1m"},
}
SLACK = {
    "name": "job3",
    "dkron_host": "http://dkron:8080",
    "executor": "shell",
    "command": "date",
    "disabled": True,
    "slack": {"team": "team1", "channel": "#bots"},
}


def test_options_beside_the_fields_become_the_config_of_the_executor() -> None:
    ((job, sensitive),) = jobs_in(state(FLAT))
    assert sensitive == []
    assert canonical(job) == {
        "name": "job1",
        "schedule": "@every 10m",
        "timezone": "Europe/Riga",
        "retries": 5,
        "concurrency": "forbid",
        "executor": "shell",
        "executor_config": {
            "command": "date",
            "env": "EDITOR=vi",
            "timeout": "9s",
            "mem_limit_kb": "16384",
            "project": "dms",
            "allowed_exitcodes": "0, 199, 255",
        },
        "tags": {"dms": "cron:1"},
        "processors": {"fluent": {"forward": "true"}, "log": {}},
    }


def test_a_config_of_its_own_is_kept() -> None:
    ((job, _),) = jobs_in(state(MAPPED))
    assert job["executor_config"] == MAPPED["executor_config"]
    assert job["processors"] == {"files": {"log_dir": "/tmp"}}
    assert "timeouts" not in job


def test_the_oldest_providers_job_is_read_too() -> None:
    ((job, _),) = jobs_in(state(SLACK))
    assert job == {
        "name": "job3",
        "executor": "shell",
        "disabled": True,
        "executor_config": {"command": "date"},
        "processors": {"slack": {"team": "team1", "channel": "#bots"}},
    }


def test_each_instance_is_a_job() -> None:
    assert [job["name"] for job, _ in jobs_in(state(FLAT, MAPPED, SLACK))] == ["job1", "job2", "job3"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ([{"type": "get_attr", "value": "command"}], ["date"]),
        ([{"type": "get_attr", "value": "tags"}], ["cron:1"]),
        (
            [{"type": "get_attr", "value": "tags"}, {"type": "index", "value": {"value": "dms", "type": "string"}}],
            ["cron:1"],
        ),
        ([{"type": "get_attr", "value": "processors"}], ["fluent", "true", "", "log"]),
        ([{"type": "get_attr", "value": "retries"}], []),
        ([{"type": "get_attr", "value": "absent"}], []),
    ],
)
def test_what_terraform_knows_as_sensitive_is_a_secret(path: list[Any], found: list[str]) -> None:
    ((_, sensitive),) = jobs_in(state(FLAT, sensitive=[path]))
    assert sensitive == found


@pytest.mark.parametrize(
    "text", [None, [], {}, {"version": 3, "modules": []}, {"version": 3, "resources": []}, {"version": 4}]
)
def test_what_is_no_state_is_told_with_the_way_to_one(text: Any) -> None:
    with pytest.raises(NoState, match="is no Terraform state of version 4: `terraform state pull` gives one"):
        list(jobs_in(text))


@pytest.mark.parametrize("attributes", [None, "x"])
def test_a_job_without_attributes_is_told(attributes: Any) -> None:
    with pytest.raises(NoState, match="holds a dkron_job without attributes"):
        list(jobs_in(state(attributes)))
    broken = state()
    broken["resources"][2]["instances"] = ["x"]
    with pytest.raises(NoState):
        list(jobs_in(broken))
