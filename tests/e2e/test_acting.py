"""The commands that act on live jobs, on a server that really runs them, and beside a program that is deployed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import make_project
from tests.e2e.harness import CANARY, Dkron, Project, changes, wait_until

OURS = {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}


def jobs(project: Project, *arguments: str) -> tuple[int, str]:
    """Exit code and all output of `python -m jobs` in the project's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        cwd=project.root,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert "Traceback" not in done.stdout
    assert CANARY not in done.stdout
    return done.returncode, done.stdout


def post(dkron: Dkron, name: str, command: str = "true", schedule: str = "@every 24h", **fields: Any) -> None:
    config = {"command": command, "shell": "true"}
    dkron.post(name=name, schedule=schedule, executor="shell", executor_config=config, metadata=OURS, **fields)


@pytest.mark.sandbox_too
def test_a_run_is_waited_for_with_its_retries_and_its_output(project: Project, dkron: Dkron) -> None:
    post(dkron, "good", "echo done")
    post(dkron, "bad", "echo oh; exit 3", retries=1)
    code, told = jobs(project, "run", "good", "--wait")
    assert code == 0, told
    assert "    done\n" in told
    code, told = jobs(project, "run", "bad", "--wait")
    assert code == 1, told
    assert '"bad" failed on e2e, attempt 1, ' in told
    assert '"bad" failed on e2e, attempt 2, ' in told
    assert dkron.job("bad")["error_count"] == 2


def test_a_run_goes_on_when_nobody_waits_for_it(project: Project, dkron: Dkron, tmp_path: Path) -> None:
    go = tmp_path / "go"
    post(dkron, "long", f"while [ ! -e {go} ]; do sleep 0.1; done")
    assert jobs(project, "run", "long") == (0, '"long" was started on e2e\n')
    go.touch()
    wait_until(lambda: dkron.job("long")["success_count"] == 1, "the end of the run")


def test_a_disabled_job_is_not_run(project: Project, dkron: Dkron) -> None:
    post(dkron, "off", disabled=True)
    code, told = jobs(project, "run", "off", "--wait")
    assert code == 2
    assert "disabled" in told


def test_a_job_that_dkron_skips_for_ever_runs_again_once_it_is_made_anew(
    pair: tuple[str, str], own_dkron: Dkron, tmp_path: Path
) -> None:
    project = make_project(pair, tmp_path / "project", own_dkron.url)
    go = tmp_path / "go"
    post(own_dkron, "stuck", f"[ -e {go} ] || sleep 600", "@every 1s", concurrency="forbid")
    post(own_dkron, "goes-on", schedule="@every 1s")
    own_dkron.await_a_stored_run("stuck")
    own_dkron.stop()
    go.touch()
    own_dkron.start()
    before = own_dkron.job("goes-on")["success_count"]
    wait_until(lambda: own_dkron.job("goes-on")["success_count"] >= before + 3, "ticks after the restart")
    assert own_dkron.job("stuck")["success_count"] == 0
    assert jobs(project, "recreate", "stuck", "--yes") == (0, 'recreated "stuck"\n')
    wait_until(lambda: own_dkron.job("stuck")["success_count"], "a run of the new job")


def test_a_parent_comes_back_with_its_children_and_they_still_run_after_it(project: Project, dkron: Dkron) -> None:
    post(dkron, "p")
    post(dkron, "c", parent_job="p")
    assert jobs(project, "recreate", "p", "--yes") == (0, 'recreated "p" and its children (c)\n')
    assert dkron.job("p")["dependent_jobs"] == ["c"]
    assert jobs(project, "run", "p", "--wait")[0] == 0
    wait_until(lambda: dkron.job("c")["success_count"] == 1, "the child's run")


def test_what_the_program_declares_is_left_true_by_recreate_and_repost(project: Project, dkron: Dkron) -> None:
    project.settle()
    name = "geo-purge-stale-whois"
    assert jobs(project, "recreate", name, "--yes")[0] == 0
    assert jobs(project, "repost", "--all")[0] == 0
    code, told = jobs(project, "delete", name, "--yes")
    assert code == 2
    assert "is declared at jobs/geo.py" in told
    assert set(changes(project.up().ok().output)) == {"unchanged"}


def test_a_released_job_outlives_its_declaration_and_the_stack(project: Project, dkron: Dkron) -> None:
    project.declare('JobSpec(name="kept", schedule="@every 24h", executor=shell("/bin/true"))')
    project.up().ok()
    assert jobs(project, "release", "kept")[0] == 0
    project.declare()
    project.up().ok()
    project.destroy().ok()
    assert list(dkron.jobs()) == ["kept"]


@pytest.mark.sandbox_too
def test_what_a_run_of_pulumi_deleted_is_written_back(project: Project, dkron: Dkron) -> None:
    project.settle()
    name = "geo-purge-stale-whois"
    before = dkron.job(name)
    (project.root / "jobs" / "geo.py").write_text("JOBS = []\n", encoding="utf-8")
    project.up().ok()
    assert name not in dkron.jobs()
    code, told = jobs(project, "restore", name, "--yes")
    assert code == 0, told
    fields = ("schedule", "executor_config", "metadata", "retries", "tags")
    assert {field: dkron.job(name)[field] for field in fields} == {field: before[field] for field in fields}


def test_a_held_job_is_left_by_pulumi_until_it_is_let_go(project: Project, dkron: Dkron) -> None:
    project.declare('JobSpec(name="x", schedule="@every 24h", executor=shell("true"), tags={"dc": "dc1:1"})')
    project.up().ok()
    code, told = jobs(project, "hold", "x", "--for", "2h", "--disable", "--reason", "an incident")
    assert code == 0, told
    dkron.change("x", displayname="by hand")
    assert set(changes(project.up().ok().output)) == {"unchanged"}
    assert jobs(project, "diff", "--dkron", dkron.url)[1].splitlines()[-1] == "0 in sync, 1 held"
    project.declare('JobSpec(name="x", schedule="@every 12h", executor=shell("true"), tags={"dc": "dc1:1"})')
    output = project.up().ok().output
    assert "its new declaration is written, and the hold stays" in output
    live = dkron.job("x")
    assert (live["schedule"], live["disabled"], live["displayname"]) == ("@every 12h", True, "")
    assert live["metadata"]["hold_reason"] == "an incident"
    assert set(changes(project.up().ok().output)) == {"unchanged"}
    assert jobs(project, "unhold", "x")[0] == 0
    assert changes(project.up().ok().output)["updated"] == 1
    assert (dkron.job("x")["disabled"], dkron.job("x")["metadata"]) == (False, OURS)


def test_a_held_job_is_deleted_with_its_declaration_after_a_warning(project: Project, dkron: Dkron) -> None:
    project.declare('JobSpec(name="x", schedule="@every 24h", executor=shell("true"), tags={"dc": "dc1:1"})')
    project.up().ok()
    assert jobs(project, "freeze", "--for", "2h", "--reason", "an incident")[0] == 0
    project.declare()
    assert "declared no longer, so it is deleted all the same" in project.up().ok().output
    assert dkron.jobs() == {}
