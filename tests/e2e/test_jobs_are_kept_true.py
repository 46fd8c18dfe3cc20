"""From declarations to jobs in Dkron, and back again after every kind of change."""

import json
from typing import Any

import pytest

from tests.e2e.harness import CANARY, Dkron, Project, changes, wait_until
from tests.paths import jobs_table

SHELL = 'executor=shell("true")'


def child(name: str, parent: str) -> str:
    return f'JobSpec(name="{name}", parent_job="{parent}", {SHELL})'


def manual(name: str, **extra: str) -> str:
    more = "".join(f", {key}={value}" for key, value in extra.items())
    return f'JobSpec(name="{name}", schedule="@manually", {SHELL}{more})'


@pytest.mark.every_pair
def test_up_creates_the_eight_jobs_with_every_field(project: Project, dkron: Dkron) -> None:
    result = project.up().ok()
    assert changes(result.output)["created"] == 9
    jobs = dkron.jobs()
    assert sorted(jobs) == sorted(name for name, _, _ in jobs_table())
    for name, schedule, displayname in jobs_table():
        service, _, path = name.partition("-")
        wanted: dict[str, Any] = {
            "name": name,
            "displayname": displayname,
            "schedule": schedule,
            "timezone": "UTC",
            "disabled": False,
            "retries": 2,
            "concurrency": "forbid",
            "executor": "http",
            "metadata": {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"},
            "tags": None,
            "processors": {},
            "parent_job": "",
            "ephemeral": False,
            "starts_at": None,
            "expires_at": None,
            "owner": "",
            "owner_email": "",
            "executor_config": {
                "method": "POST",
                "url": f"http://127.0.0.1:5461/api/v1/{service}/jobs/{path}",
                "headers": json.dumps([f"X-Api-Key: {CANARY}"]),
                "timeout": "30",
                "expectCode": "200",
            },
        }
        assert {key: jobs[name][key] for key in wanted} == wanted
    outputs = project.run("stack", "output", "--json").ok().json()
    assert outputs["jobs"] == {name: schedule for name, schedule, _ in jobs_table()}
    assert outputs["ownerTag"] == "d2-dkron-mgr"
    assert outputs["dkronUrl"] == dkron.url


def test_a_second_up_changes_nothing(project: Project) -> None:
    project.settle()
    assert changes(project.up("--expect-no-changes").ok().output) == {"unchanged": 9}


DRIFTS: dict[str, tuple[str, Any]] = {
    "displayname": ('"As declared"', "by hand"),
    "timezone": ('"Europe/Berlin"', "Asia/Tokyo"),
    "schedule": ('"0 0 4 * * *"', "0 0 5 * * *"),
    "owner": ('"ops"', "somebody"),
    "owner_email": ('"ops@example.com"', "x@example.com"),
    "disabled": ("True", False),
    "tags": ('{"dc": "dc1:1"}', {"dc": "dc1:2", "more": "1"}),
    "metadata": ('{"team": "a"}', {"team": "b", "managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}),
    "retries": ("3", 7),
    "processors": ('{"log": {"forward": "true"}}', {"log": {"forward": "false"}, "files": {}}),
    "concurrency": ('"forbid"', "allow"),
    "executor": ('plugin("nats", {"subject": "a"})', "kafka"),
    "executor_config": ('shell("true", env={"A": "1"})', {"command": "false"}),
    "ephemeral": ("True", False),
    "starts_at": ('"2031-01-02T03:04:05+02:00"', None),
    "expires_at": ('"2041-01-02T03:04:05.5Z"', "2042-01-02T03:04:05Z"),
    "parent_job": ('"parent-one"', "parent-two"),
}


@pytest.mark.every_pair
def test_each_managed_field_that_drifts_is_named_and_repaired(project: Project, dkron: Dkron) -> None:
    declarations = [manual("parent-one"), manual("parent-two")]
    for field, (declared, _) in DRIFTS.items():
        arguments = {"schedule": '"@manually"', "executor": 'shell("true")'}
        arguments["executor" if field.startswith("executor") else field] = declared
        text = ", ".join(f"{key}={value}" for key, value in arguments.items())
        declarations.append(f'JobSpec(name="drift-{field}", {text})')
    project.declare(*declarations)
    project.up().ok()
    before = dkron.jobs()
    for field, (_, by_hand) in DRIFTS.items():
        dkron.change(f"drift-{field}", **{field: by_hand})
    steps = project.preview("--json").ok().json()["steps"]
    for field in DRIFTS:
        (step,) = [s for s in steps if s["urn"].endswith(f"::drift-{field}") and s["op"] == "update"]
        old, new = step["oldState"]["inputs"], step["newState"]["inputs"]
        assert [key for key in {*old, *new} if old.get(key) != new.get(key)] == [field]
    result = project.up().ok()
    assert changes(result.output)["updated"] == len(DRIFTS)
    after = dkron.jobs()
    for field in DRIFTS:
        assert after[f"drift-{field}"][field] == before[f"drift-{field}"][field], field
    assert changes(project.up().ok().output) == {"unchanged": len(DRIFTS) + 3}


def test_a_drifted_secret_header_is_repaired_and_never_shown(project: Project, dkron: Dkron) -> None:
    project.settle()
    name = "geo-purge-stale-whois"
    config = {**dkron.job(name)["executor_config"], "headers": '["X-Api-Key: BY-HAND-9876"]'}
    dkron.change(name, executor_config=config)
    preview = project.preview("--diff").ok()
    assert "[secret]" in preview.output
    assert changes(project.up().ok().output)["updated"] == 1
    assert CANARY in dkron.job(name)["executor_config"]["headers"]
    assert "BY-HAND-9876" not in "".join(project.outputs)


def test_a_job_deleted_by_hand_comes_back(project: Project, dkron: Dkron) -> None:
    project.settle()
    dkron.delete("auth-purge-sessions")
    assert changes(project.up().ok().output)["created"] == 1
    assert "auth-purge-sessions" in dkron.jobs()


def test_many_jobs_deleted_by_hand_come_back(project: Project, dkron: Dkron) -> None:
    project.settle()
    dkron.clear()
    assert changes(project.up().ok().output)["created"] == 8
    assert len(dkron.jobs()) == 8


def test_a_removed_declaration_deletes_the_job(project: Project, dkron: Dkron) -> None:
    project.settle()
    (project.root / "jobs" / "comms.py").unlink()
    assert changes(project.up().ok().output)["deleted"] == 2
    assert not [name for name in dkron.jobs() if name.startswith("comms-")]
    assert len(dkron.jobs()) == 6


def test_a_job_without_our_tag_is_never_touched(project: Project, dkron: Dkron) -> None:
    dkron.post(name="strangers", schedule="@manually", executor="shell", executor_config={"command": "true"})
    dkron.post(name="others", schedule="@manually", executor="shell", metadata={"managed_by": "somebody-else"})
    before = {name: dkron.job(name) for name in ("strangers", "others")}
    project.up().ok()
    dkron.change("geo-purge-stale-whois", retries=9)
    project.up().ok()
    project.destroy().ok()
    assert dkron.jobs() == before


def test_display_name_and_schedule_changed_together_are_one_update_and_counters_stay(
    project: Project, dkron: Dkron
) -> None:
    project.declare(f'JobSpec(name="counted", displayname="one", schedule="@manually", {SHELL})')
    project.up().ok()
    dkron.run("counted")
    wait_until(lambda: dkron.job("counted")["success_count"] == 1, "the run's success")
    project.declare(f'JobSpec(name="counted", displayname="two", schedule="0 0 4 * * *", {SHELL})')
    result = project.up().ok()
    assert changes(result.output)["updated"] == 1
    job = dkron.job("counted")
    assert (job["displayname"], job["schedule"], job["success_count"]) == ("two", "0 0 4 * * *", 1)


RENAMING = """
from provider.job.executors import shell
from provider.resource import Job
Job("logical", name={name!r}, schedule="@manually", executor=shell("true"))
"""


def test_another_name_on_one_resource_replaces_the_job(project: Project, dkron: Dkron) -> None:
    project.program(RENAMING.format(name="first"))
    project.up().ok()
    project.program(RENAMING.format(name="second"))
    result = project.up().ok()
    assert changes(result.output)["replaced"] == 1
    assert sorted(dkron.jobs()) == ["second"]


@pytest.mark.sandbox_too
def test_parents_are_created_first_and_deleted_last_also_when_declared_last(project: Project, dkron: Dkron) -> None:
    project.declare(child("leaf", "middle"), child("middle", "root"), manual("root"))
    project.up().ok()
    assert dkron.job("middle")["dependent_jobs"] == ["leaf"]
    assert dkron.job("root")["dependent_jobs"] == ["middle"]
    assert changes(project.up().ok().output) == {"unchanged": 4}
    project.declare(manual("unrelated"))
    project.up().ok()
    assert sorted(dkron.jobs()) == ["unrelated"]


def test_destroy_removes_only_ours(project: Project, dkron: Dkron) -> None:
    dkron.post(name="strangers", schedule="@manually", executor="shell")
    project.up().ok()
    project.destroy().ok()
    assert sorted(dkron.jobs()) == ["strangers"]


@pytest.mark.long
@pytest.mark.slow
def test_more_jobs_in_one_stack_than_the_sdk_s_own_resources_could_be(project: Project, dkron: Dkron) -> None:
    project.env["PULUMI_SKIP_CHECKPOINTS"] = "true"
    project.declare(f'*[JobSpec(name=f"bulk-{{i}}", schedule="0 0 3 * * *", {SHELL}) for i in range(1000)]')
    project.up().ok()
    assert len(dkron.jobs()) == 1000
    assert changes(project.up().ok().output) == {"unchanged": 1001}
    project.declare(manual("last"))
    project.up().ok()
    assert sorted(dkron.jobs()) == ["last"]
