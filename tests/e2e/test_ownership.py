"""No job is lost and no other's is touched: replacements, renames, moves between stacks, what is left on purpose."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.e2e.harness import Dkron, Project, Proxy, Result, changes, wait_until
from tests.processes import end_processes_of

OURS = {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}
HEAD = """import pulumi
from provider import Job, shell

"""


def typed(resource: str, name: str, more: str = "", command: str = "/bin/true") -> str:
    return f'Job("{resource}", name="{name}", schedule="@every 1h", executor=shell("{command}"), {more})\n'


def program(project: Project, *jobs: str) -> None:
    project.program(HEAD + "".join(jobs))


def urn(resource: str) -> str:
    return f"urn:pulumi:dev::dkron-jobs::pulumi-python:dynamic/dkron:Job::{resource}"


def second_stack(project: Project, stack: str) -> Project:
    """The same program and the same Dkron as another stack, with a state of its own."""
    other = Project(project.root.parent / stack, project.pulumi, project.dkron_url).create()
    other.run("stack", "init", stack).ok()
    config = other.root / "Pulumi.dev.yaml"
    (other.root / f"Pulumi.{stack}.yaml").write_text(
        "config:\n"
        + "".join(
            f"  dkron-jobs:{line.strip().removeprefix('dkron-jobs:')}\n"
            for line in config.read_text(encoding="utf-8").splitlines()
            if "Url:" in line
        ),
        encoding="utf-8",
    )
    other.env["PULUMI_STACK"] = stack
    return other


def up(project: Project, *arguments: str) -> Result:
    return project.run("up", "--yes", "--skip-preview", "--stack", project.env.get("PULUMI_STACK", "dev"), *arguments)


# -- replacement, rename, swap


@pytest.mark.parametrize("option", ["--replace", pytest.param("--target-replace", marks=pytest.mark.thorough)])
def test_a_job_lives_through_a_replacement(project: Project, dkron: Dkron, option: str) -> None:
    program(project, typed("whois", "x"))
    project.up().ok()
    before = dkron.job("x")
    assert "replaced" in changes(project.up(option, urn("whois")).ok().output)
    assert dkron.job("x") == before
    assert changes(project.up().ok().output) == {"unchanged": 2}
    project.destroy().ok()
    assert not dkron.jobs()


def test_a_resource_is_renamed_and_its_job_is_not_written(project: Project, dkron: Dkron) -> None:
    program(project, typed("whois", "x"))
    project.up().ok()
    dkron.run("x")
    before = dkron.job("x")
    program(project, typed("purge-whois", "x"))
    result = project.up().ok()
    assert changes(result.output)["created"] == 1
    assert "is held by a declared resource" in result.output
    assert dkron.job("x") == before
    assert changes(project.up().ok().output) == {"unchanged": 2}
    project.destroy().ok()
    assert not dkron.jobs()


def test_two_jobs_swap_their_names_in_one_commit(project: Project, dkron: Dkron) -> None:
    program(project, typed("a", "x", command="/bin/a"), typed("b", "y", command="/bin/b"))
    project.up().ok()
    program(project, typed("a", "y", command="/bin/a"), typed("b", "x", command="/bin/b"))
    project.up().ok()
    assert {n: j["executor_config"]["command"] for n, j in dkron.jobs().items()} == {"x": "/bin/b", "y": "/bin/a"}
    assert "unchanged" in changes(project.up().ok().output)


@pytest.mark.sandbox_too
def test_a_pending_delete_that_a_crash_left_costs_no_job(project: Project, dkron: Dkron) -> None:
    program(project, typed("whois", "x"))
    project.up().ok()
    exported = project.exported(show_secrets=True)
    resources = exported["deployment"]["resources"]
    old = next(r for r in resources if r["urn"].endswith("::whois"))
    # What a kill between the create and the delete of a replacement leaves.
    resources.append({**old, "delete": True})
    state = project.root / "state.json"
    state.write_text(json.dumps(exported), encoding="utf-8")
    project.run("stack", "import", "--file", str(state), "--stack", "dev").ok()
    before = dkron.job("x")
    project.up().ok()
    assert dkron.job("x") == before
    assert len(project.recorded_jobs()) == 1
    project.destroy().ok()
    assert not dkron.jobs()


@pytest.mark.sandbox_too
def test_a_parent_and_its_child_live_through_a_replacement(project: Project, dkron: Dkron) -> None:
    program(project, typed("p", "p"), typed("c", "c", 'parent_job="p"'))
    project.up().ok()
    project.up("--replace", urn("p")).ok()
    assert sorted(dkron.jobs()) == ["c", "p"]
    program(project, typed("p", "p2"), typed("c", "c", 'parent_job="p2"'))
    project.up().ok()
    assert sorted(dkron.jobs()) == ["c", "p2"]
    assert dkron.job("c")["parent_job"] == "p2"


BEFORE = (typed("a", "x", command="/bin/a"), typed("b", "y", command="/bin/b"))
KILLED_IN = {
    "a replacement": (BEFORE, ("--replace", urn("a")), {"x": "/bin/a", "y": "/bin/b"}),
    "a resource's new name": ((typed("c", "x", command="/bin/a"), BEFORE[1]), (), {"x": "/bin/a", "y": "/bin/b"}),
    "a job's new name": ((typed("a", "z", command="/bin/a"), BEFORE[1]), (), {"z": "/bin/a", "y": "/bin/b"}),
    "a swap": (
        (typed("a", "y", command="/bin/a"), typed("b", "x", command="/bin/b")),
        (),
        {"y": "/bin/a", "x": "/bin/b"},
    ),
}


THOROUGH = [pytest.param(what, marks=pytest.mark.thorough) for what in ("a resource's new name", "a job's new name")]


@pytest.mark.parametrize("what", ["a replacement", "a swap", *THOROUGH])
def test_a_run_that_is_killed_in_the_middle_is_finished_by_a_later_one(
    project: Project, dkron: Dkron, proxy: Proxy, what: str
) -> None:
    after, options, wanted = KILLED_IN[what]
    program(project, *BEFORE)
    project.up().ok()
    program(project, *after)
    project.env["DKRON_URL"] = proxy.url
    reached = threading.Event()
    # A run after which the jobs are the same writes nothing: that one dies when it looks whether it has to.
    last = ("GET", "/v1/jobs/x") if wanted == {"x": "/bin/a", "y": "/bin/b"} else ("POST", "/v1/jobs")

    def hold(method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        if reached.is_set() or (method, path) != last:
            return None
        proxy.forward(method, path, body)
        reached.set()
        return 500, b"too late"

    proxy.hook = hold
    process = project.start("up", "--yes", "--skip-preview", "--stack", "dev", *options)
    wait_until(reached.is_set, "the write at which it is killed")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    end_processes_of(project.root)
    project.env.pop("DKRON_URL")
    project.run("cancel", "--yes", "--stack", "dev").ok()
    project.up().ok()
    assert {n: j["executor_config"]["command"] for n, j in dkron.jobs().items()} == wanted
    assert set(changes(project.up().ok().output)) == {"unchanged"}


# -- who holds the name


def test_a_job_that_dkron_deleted_after_its_success_is_not_put_back(project: Project, dkron: Dkron) -> None:
    program(project, typed("once", "once", "ephemeral=True"), typed("y", "y"))
    project.up().ok()
    dkron.run("once")
    wait_until(lambda: "once" not in dkron.jobs(), "the end of the ephemeral job")
    assert set(changes(project.up().ok().output)) == {"unchanged"}
    assert sorted(dkron.jobs()) == ["y"]
    program(project, typed("once", "once", "ephemeral=True", command="/bin/echo"), typed("y", "y"))
    project.up().ok()
    assert sorted(dkron.jobs()) == ["once", "y"]


def test_a_job_without_a_mark_is_taken_over_where_it_is_declared_and_keeps_its_counters(
    project: Project, dkron: Dkron
) -> None:
    config = {"command": "/bin/true"}
    tag = {"managed_by": "d2-dkron-mgr"}
    dkron.post(name="x", schedule="@every 1h", executor="shell", executor_config=config, metadata=tag)
    dkron.run("x")
    program(project, typed("x", "x"))
    project.up().ok()
    assert (dkron.job("x")["metadata"], dkron.job("x")["success_count"]) == (OURS, 1)


# -- two stacks


def test_the_jobs_of_another_stack_are_refused_and_a_destroy_takes_only_its_own(project: Project, dkron: Dkron) -> None:
    program(project, typed("x", "x"))
    project.up().ok()
    before = dkron.jobs()
    other = second_stack(project, "prod")
    program(other, typed("x", "x", command="/bin/prod"), typed("own", "own"))
    refused = up(other, "--continue-on-error").failed()
    assert 'belongs to the stack "dkron-jobs/dev", not to "dkron-jobs/prod"' in refused.output
    assert dkron.job("x") == before["x"]
    other.run("destroy", "--yes", "--skip-preview", "--stack", "prod").ok()
    assert dkron.jobs() == before


def test_a_declaration_that_moves_to_another_stack_keeps_its_job(project: Project, dkron: Dkron) -> None:
    program(project, typed("x", "x"), typed("stays", "stays"))
    project.up().ok()
    dkron.run("x")
    other = second_stack(project, "prod")
    other.env["ADOPT"] = "true"
    program(other, typed("x", "x"))
    up(other).ok()
    program(project, typed("stays", "stays"))
    left = project.up().ok()
    assert 'belongs to the stack "dkron-jobs/prod"' in left.output
    assert dkron.job("x")["metadata"]["managed_in"] == "dkron-jobs/prod"
    assert dkron.job("x")["success_count"] == 1
    project.destroy().ok()
    assert sorted(dkron.jobs()) == ["x"]


def test_a_stack_of_the_previous_version_shows_the_marks_and_loses_no_counter(project: Project, dkron: Dkron) -> None:
    program(project, typed("x", "x"))
    project.up().ok()
    dkron.run("x")
    # As the previous version left it: no mark in Dkron, none in the state.
    exported = project.exported(show_secrets=True)
    for resource in exported["deployment"]["resources"]:
        for form in ("inputs", "outputs"):
            resource.get(form, {}).get("metadata", {}).pop("managed_in", None)
    state = project.root / "state.json"
    state.write_text(json.dumps(exported), encoding="utf-8")
    project.run("stack", "import", "--file", str(state), "--stack", "dev").ok()
    dkron.change("x", metadata={"managed_by": "d2-dkron-mgr"})
    shown = project.preview("--diff").ok().output
    assert 'managed_in: "dkron-jobs/dev"' in shown
    assert changes(project.up().ok().output)["updated"] == 1
    assert (dkron.job("x")["metadata"], dkron.job("x")["success_count"]) == (OURS, 1)


# -- left on purpose


def test_an_ignored_field_stays_as_it_is_live(project: Project, dkron: Dkron) -> None:
    ignoring = 'opts=pulumi.ResourceOptions(ignore_changes=["disabled", "schedule"])'
    program(project, typed("x", "x", ignoring))
    project.up().ok()
    dkron.change("x", disabled=True, schedule="@daily")
    project.up().ok()
    assert changes(project.up().ok().output) == {"unchanged": 2}
    program(project, typed("x", "x", ignoring, command="/bin/other"))
    assert changes(project.up().ok().output)["updated"] == 1
    live = dkron.job("x")
    assert (live["disabled"], live["schedule"]) == (True, "@daily")
    assert live["executor_config"]["command"] == "/bin/other"


def test_a_retained_job_stays_and_says_so(project: Project, dkron: Dkron) -> None:
    program(project, typed("x", "x", "opts=pulumi.ResourceOptions(retain_on_delete=True)"), typed("y", "y"))
    project.up().ok()
    program(project, typed("y", "y"))
    project.up().ok()
    assert dkron.job("x")["metadata"] == {**OURS, "managed_retain": "true"}


# -- what the watcher judged


def test_a_run_deletes_and_overwrites_only_what_was_judged(project: Project, dkron: Dkron, tmp_path: Path) -> None:
    program(project, typed("a", "a"), typed("b", "b"), typed("c", "c"), typed("d", "d"))
    project.up().ok()
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"deletes": ["a"], "updates": ["c"]}), encoding="utf-8")
    project.env["DKRON_JOBS_LIMITS"] = str(limits)
    program(project, typed("c", "c", command="/bin/c"), typed("d", "d", command="/bin/d"))
    output = project.up("--continue-on-error").failed().output
    assert 'job "b" would be deleted, which was not in the preview that was judged' in output
    assert 'job "d" would be overwritten, which was not in the preview that was judged' in output
    assert "[dkron-jobs:not-judged]" in output
    assert {n: j["executor_config"]["command"] for n, j in dkron.jobs().items()} == {
        "b": "/bin/true",
        "c": "/bin/c",
        "d": "/bin/true",
    }


def test_a_deleted_job_is_kept_beside_the_state_sealed(project: Project, dkron: Dkron) -> None:
    program(project, typed("a", "a", command="run CANARY-in-a-command"), typed("b", "b"))
    project.up().ok()
    program(project, typed("b", "b"))
    project.up().ok()
    assert sorted(dkron.jobs()) == ["b"]
    (copy,) = (project.root / ".state" / "archive").iterdir()
    text = copy.read_text(encoding="utf-8")
    assert json.loads(text)["name"] == "a"
    assert "CANARY" not in text
