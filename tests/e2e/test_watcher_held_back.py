"""FREEZE, PLAN_ONLY and the report of a change set: on every pair of engine and server."""

import json

import pytest

from tests.e2e.harness import Dkron
from tests.e2e.watcher_support import Watcher, shell_jobs

pytestmark = pytest.mark.slow
NAMES = ("a1", "a2", "a3")
ALWAYS = "Mon 00:00-Thu 00:00,Thu 00:00-Mon 00:00"
SECRET_JOB = (
    'JobSpec(name="a4", schedule="@every 1h", tags={"dc": "dc1:1"}, '
    'executor=http("http://127.0.0.1:1/", method="GET", headers={"X-Api-Key": secret("serviceKey")}))'
)


def change(watcher: Watcher) -> None:
    """One declaration changes, one goes, one comes."""
    jobs = shell_jobs("a1", "a2")
    watcher.project.declare(jobs[0].replace("@every 1h", "@every 3h"), jobs[1], *shell_jobs("new"))


def test_in_a_freeze_nothing_is_changed_unless_drift_is_to_be_repaired(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    change(watcher)
    dkron.change("a2", schedule="@every 5h")
    state = watcher.checkpoint.read_bytes()
    frozen = watcher.once(FREEZE=ALWAYS)
    assert frozen.ended(8, "planned")["waiting"] == ["- a3", "~ a1 (schedule)", "~ a2 (schedule)", "+ new"]
    assert "frozen until" in frozen.cycle["detail"]
    assert (watcher.checkpoint.read_bytes(), dkron.job("a2")["schedule"]) == (state, "@every 5h")
    mended = watcher.once(FREEZE=ALWAYS, FREEZE_DRIFT="repair")
    assert mended.ended(8, "planned")["updated"] == ["a2"]
    assert mended.cycle["waiting"] == ["- a3", "~ a1 (schedule)", "+ new"]
    assert set(dkron.jobs()) == {"a1", "a2", "a3"}
    assert dkron.job("a1")["schedule"] == "@every 1h"
    dkron.delete("a2")
    assert watcher.once(FREEZE=ALWAYS, FREEZE_DRIFT="repair").ended(8, "planned")["created"] == ["a2"]
    watcher.once().ended(0, "changed")
    assert set(dkron.jobs()) == {"a1", "a2", "new"}


def test_a_plan_waits_until_a_person_lets_it_through_by_once(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.start(PLAN_ONLY="true").wait_cycle("unchanged")
    change(watcher)
    planned = watcher.wait_cycle("planned")
    assert planned["waiting"] == ["- a3", "~ a1 (schedule)", "+ new"]
    status = watcher.get("/api/status").json()
    assert status["verdict"]["headline"] == "Changes wait"
    assert watcher.get("/readyz").status_code == 200
    seen = len(watcher.events)
    dkron.change("a2", schedule="@every 5h")
    watcher.wait_for("the repair", lambda e: e["event"] == "cycle.done" and e["updated"] == ["a2"], seen)
    assert set(dkron.jobs()) == {"a1", "a2", "a3"}
    handed = watcher.once("--once", PLAN_ONLY="true")
    assert handed.code == 0
    assert handed.has("allowance.taken")
    watcher.wait_cycle("changed")
    assert set(dkron.jobs()) == {"a1", "a2", "new"}


@pytest.mark.sandbox_too
def test_a_report_names_every_field_with_its_old_and_new_value(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    change(watcher)
    found = json.loads(watcher.once("--report", "--format", "json").stdout)
    assert [(one["operation"], one["job"]) for one in found["changes"]] == [
        ("delete", "a3"),
        ("update", "a1"),
        ("create", "new"),
    ]
    assert found["changes"][1]["fields"] == [{"field": "schedule", "old": "@every 1h", "new": "@every 3h"}]
    text = watcher.once("--report").stdout
    assert "~ a1\n    schedule: @every 1h -> @every 3h\n" in text
    table = watcher.once("--report", "--format", "markdown").stdout
    assert "<code>schedule</code> | <code>&#64;every 1h</code> | <code>&#64;every 3h</code> |" in table
    assert set(dkron.jobs()) == {"a1", "a2", "a3"}


def test_a_secret_is_in_no_report(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.project.declare(*shell_jobs(*NAMES), SECRET_JOB)
    for style in ("text", "json", "markdown"):
        assert "executor_config" in watcher.once("--report", "--format", style).stdout.replace("&#95;", "_")
    watcher.once().ended(0, "changed")
    config = dkron.job("a4")["executor_config"]
    dkron.change("a4", executor_config={**config, "headers": '["X-Api-Key: CANARY-4f1d-9b2e", "X-More: by hand"]'})
    found = json.loads(watcher.once("--report", "--format", "json").stdout)
    fields = found["changes"][0]["fields"]
    assert all(value == "[secret]" for one in fields for value in (one["old"], one["new"]))
