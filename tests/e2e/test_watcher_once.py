"""`--once`, `--report` and what a cycle survives between two runs: on every pair of engine and server."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Dkron, proxy_before
from tests.e2e.watcher_support import Watcher, shell_jobs, watched_project

pytestmark = pytest.mark.slow
THOROUGH = pytest.mark.thorough
NAMES = ("a1", "a2")
OURS = {"managed_by": "d2-dkron-mgr", "managed_in": "dkron-jobs/dev"}
JOB: dict[str, Any] = {"schedule": "@every 1h", "executor": "shell", "executor_config": {"command": "true"}}


@pytest.mark.sandbox_too
def test_it_creates_repairs_deletes_and_then_changes_nothing(watcher: Watcher, dkron: Dkron) -> None:
    first = watcher.once()
    assert first.ended(0, "changed")["created"] == ["a1", "a2"]
    made = [path for path in watcher.state.parent.rglob("*") if not path.is_symlink()]
    assert [str(path) for path in made if path.stat().st_mode & 0o077] == [], "what others may read"
    second = watcher.once()
    assert second.ended(0, "unchanged")["unchanged"] == 2
    dkron.change("a1", schedule="@every 2h")
    dkron.delete("a2")
    third = watcher.once()
    assert third.cycle["outcome"] == "changed"
    assert third.cycle["drift"] == ["a1 (schedule)", "a2 (gone)"]
    assert dkron.job("a1")["schedule"] == "@every 1h"
    watcher.project.declare(*shell_jobs("a1"))
    fourth = watcher.once()
    assert fourth.cycle["deleted"] == ["a2"]
    assert set(dkron.jobs()) == {"a1"}


def test_an_unchanged_cycle_writes_nothing_to_the_state(watcher: Watcher) -> None:
    watcher.settle()
    before = {p: p.stat().st_mtime_ns for p in watcher.state.rglob("*") if p.is_file()}
    assert watcher.once().cycle["outcome"] == "unchanged"
    assert {p: p.stat().st_mtime_ns for p in watcher.state.rglob("*") if p.is_file()} == before


def test_a_report_names_drift_and_strays_and_changes_nothing(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    dkron.delete("a1")
    dkron.post(name="lost", metadata=OURS, **JOB)
    dkron.post(name="old", metadata={"managed_by": "d2-dkron-mgr"}, **JOB)
    before = {p: p.stat().st_mtime_ns for p in watcher.state.rglob("*") if p.is_file()}
    done = watcher.once("--report")
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "+ a1  drift: gone"
    assert lines[1].startswith("? lost  stray, in no state and no program: it is deleted when")
    assert lines[2].startswith("? old  unmarked")
    assert set(dkron.jobs()) == {"a2", "lost", "old"}
    assert {p: p.stat().st_mtime_ns for p in watcher.state.rglob("*") if p.is_file()} == before


def test_too_many_deletions_are_refused_until_they_are_allowed_once(watcher: Watcher, dkron: Dkron) -> None:
    watcher.project.declare(*shell_jobs(*"abcdefgh"))
    watcher.once()
    watcher.project.declare(*shell_jobs("a", "b"))
    refused = watcher.once()
    refused.ended(3, "refused")
    assert "a cycle would be refused" in watcher.once("--report").stdout
    assert "--allow-deletes 6" in refused.cycle["detail"]
    assert "c, d, e, f, g, h" in refused.cycle["detail"]
    assert len(dkron.jobs()) == 8
    allowed = watcher.once("--once", "--allow-deletes", "6")
    allowed.ended(0, "changed")
    assert set(dkron.jobs()) == {"a", "b"}


def test_a_program_that_declares_nothing_is_refused(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.project.declare()
    refused = watcher.once()
    assert refused.code == 3
    assert "no job at all" in refused.cycle["detail"]
    assert set(dkron.jobs()) == {"a1", "a2"}


def test_a_stray_is_told_and_then_deleted_and_others_jobs_are_left_alone(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    dkron.post(name="lost", metadata=OURS, **JOB)
    dkron.post(name="foreign", metadata={"managed_by": "someone"}, **JOB)
    dkron.post(name="theirs", metadata={**OURS, "managed_in": "dkron-jobs/prod"}, **JOB)
    dkron.post(name="old", metadata={"managed_by": "d2-dkron-mgr"}, **JOB)
    first = watcher.once()
    assert first.ended(0, "unchanged")
    assert first.has("strays.found")
    done = watcher.once()
    assert done.ended(0, "changed")["deleted"] == ["lost"]
    assert set(dkron.jobs()) == {"a1", "a2", "foreign", "theirs", "old"}


def test_a_first_cycle_on_an_empty_state_deletes_nothing_until_a_person_says_so(watcher: Watcher, dkron: Dkron) -> None:
    strays = ["w", "x", "y", "z"]
    for name in strays:
        dkron.post(name=name, metadata=OURS, **JOB)
    assert watcher.once().ended(0, "changed")["deleted"] == []
    assert watcher.once().ended(0, "unchanged")["deleted"] == []
    assert set(dkron.jobs()) == {*NAMES, *strays}
    allowed = watcher.once("--once", "--allow-deletes", "4")
    assert allowed.ended(0, "changed")["deleted"] == strays
    given = next(e for e in allowed.events if e["event"] == "allowance.given")
    assert given["deletes"] == 4
    assert "uid" in given["who"]


@pytest.mark.thorough
def test_a_module_that_lost_its_jobs_is_refused(watcher: Watcher, dkron: Dkron) -> None:
    other = watcher.project.root / "jobs" / "other.py"
    other.write_text(
        (watcher.project.root / "jobs" / "declared.py").read_text().replace("a1", "b1").replace("a2", "b2")
    )
    watcher.once().ended(0, "changed")
    other.write_text("JOBS = []\n")
    refused = watcher.once().ended(3, "refused")
    assert refused["detail"].startswith("jobs/other.py declares no job any more")
    assert set(dkron.jobs()) == {"a1", "a2", "b1", "b2"}


@pytest.mark.parametrize("left", [pytest.param([], marks=THOROUGH), ["a1"]])
def test_a_program_that_changes_under_the_run_deletes_nothing_unjudged(
    watcher: Watcher, dkron: Dkron, left: list[str]
) -> None:
    """The declarations go when the run itself, the second to ask for the program, begins."""
    watcher.settle()
    dkron.change("a2", schedule="@every 2h")
    jobs = watcher.project.root / "jobs" / "declared.py"
    text = "from provider import JobSpec, shell\nJOBS = [" + ", ".join(shell_jobs(*left)) + "]\n"
    swap = (
        "import os, pathlib\n"
        "if os.environ.get('DKRON_JOBS_ARCHIVE'):\n"
        f"    pathlib.Path({str(jobs)!r}).write_text({text!r})\n"
    )
    main = watcher.project.root / "__main__.py"
    main.write_text(swap + main.read_text())
    assert watcher.once().ended(7, "retry")["deleted"] == []
    assert set(dkron.jobs()) == {"a1", "a2"}


def test_two_stacks_with_one_tag_leave_each_others_jobs_alone(watcher: Watcher, dkron: Dkron, tmp_path: Path) -> None:
    watcher.settle()
    other = watched_project(watcher.project.pulumi, tmp_path / "prod", dkron.url, "b1", "b2", "b3")
    prod = Watcher(other, tmp_path / "prod.log", env={"STACK": "prod"})
    refused = prod.once()
    assert refused.ended(3, "refused")["detail"].startswith('there is no stack "prod"')
    prod.once("--once", "--create-stack").ended(0, "changed")
    watcher.once().ended(0, "unchanged")
    prod.once().ended(0, "unchanged")
    watcher.once().ended(0, "unchanged")
    assert set(dkron.jobs()) == {"a1", "a2", "b1", "b2", "b3"}


@pytest.mark.thorough
def test_strays_are_only_reported_where_that_is_wanted(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    dkron.post(name="lost", metadata=OURS, **JOB)
    for _ in range(2):
        done = watcher.once(STRAYS="report")
        assert done.cycle["outcome"] == "unchanged"
        assert done.has("strays.found")
    assert "lost" in dkron.jobs()


def test_one_bad_job_does_not_stop_the_others(watcher: Watcher, dkron: Dkron) -> None:
    bad = 'JobSpec(name="bad", schedule="every now and then", executor=shell("true"))'
    watcher.project.declare(*shell_jobs("a1", "a2", "a3"), bad)
    done = watcher.once()
    done.ended(1, "failed")
    assert set(dkron.jobs()) == {"a1", "a2", "a3"}
    assert [f["job"] for f in done.cycle["failed"]] == ["bad"]
    assert "schedule" in done.cycle["detail"]
    assert "Traceback" not in done.cycle["detail"]


# -- requests


def test_a_cycle_with_nothing_to_do_only_lists_the_jobs_and_the_nodes(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    with proxy_before(dkron.url) as proxy:
        watcher.once(DKRON_URL=proxy.url).ended(0, "unchanged")
        asked = Counter((method, path.partition("?")[0]) for method, path, _ in proxy.requests)
    lists = asked.pop(("GET", "/v1/jobs"))
    assert lists <= 3, "a look before the preview, the preview's own, a look after it"
    assert asked.pop(("GET", "/v1/members")) == 1
    assert list(asked) == [("GET", "/v1/leader")]


# -- the state


def test_a_deleted_state_is_rebuilt_without_a_write_to_dkron(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    with proxy_before(dkron.url) as proxy:
        watcher.checkpoint.unlink()
        done = watcher.once(DKRON_URL=proxy.url)
        done.ended(0, "changed")
        assert [m for m, _, _ in proxy.requests if m != "GET"] == []
    assert watcher.once().cycle["outcome"] == "unchanged"


@pytest.mark.parametrize("content", [*(pytest.param(c, marks=THOROUGH) for c in ("", "{", "{}", "garbage")), "half"])
def test_a_damaged_state_is_restored_from_its_backup(watcher: Watcher, content: str) -> None:
    watcher.settle()
    watcher.project.declare(*shell_jobs("a1", "a2", "a3"))
    watcher.once()
    good = watcher.checkpoint.read_bytes()
    bad = good[: len(good) // 2] if content == "half" else content.encode()
    watcher.checkpoint.write_bytes(bad)
    done = watcher.once()
    assert done.code == 0, done.stderr
    assert done.has("state.repaired")
    assert [p.read_bytes() for p in watcher.checkpoint.parent.glob("dev.json.bad-*")] == [bad]
    assert watcher.once().cycle["outcome"] == "unchanged"


@pytest.mark.sandbox_too
def test_a_damaged_state_without_a_backup_is_rebuilt_by_adoption(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    watcher.checkpoint.write_text("{")
    for path in watcher.checkpoint.parent.glob("*.bak*"):
        path.unlink()
    for name in ("backups", "history"):
        shutil.rmtree(watcher.state / name, ignore_errors=True)
    done = watcher.once()
    assert done.code == 0, done.stderr
    assert done.has("state.repaired")
    assert watcher.once().cycle["outcome"] == "unchanged"
    assert set(dkron.jobs()) == {"a1", "a2"}


# -- locks


def lock(watcher: Watcher, name: str, **content: object) -> Path:
    folder = watcher.state / "locks" / "organization" / "dkron-jobs" / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def test_a_persons_lock_is_waited_for(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    path = lock(watcher, "x", pid=1, username="ann", hostname="laptop", timestamp="2020-01-02T03:04:05.123456789Z")
    done = watcher.once()
    done.ended(4, "locked")
    assert "ann@laptop (pid 1)" in done.cycle["detail"]
    assert path.exists()


def test_an_old_lock_of_another_watchers_host_is_cleared(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    path = lock(watcher, "x", pid=1, username="app", hostname="watcher-2", timestamp="2020-01-02T03:04:05Z")
    dkron.delete("a1")
    done = watcher.once(WATCHER_HOSTS="watcher-1,watcher-2")
    done.ended(0, "changed")
    assert done.has("lock.cleared")
    assert not path.exists()


# -- what needs a person


def test_a_wrong_passphrase_is_said_in_one_line(watcher: Watcher) -> None:
    watcher.settle()
    done = watcher.once(PULUMI_CONFIG_PASSPHRASE="wrong")
    done.ended(1, "failed")
    assert "passphrase" in done.cycle["detail"]


def test_a_syntax_error_is_said_with_its_place(watcher: Watcher, dkron: Dkron) -> None:
    watcher.settle()
    (watcher.project.root / "jobs" / "broken.py").write_text("JOBS = [\n")
    done = watcher.once()
    done.ended(1, "failed")
    assert "SyntaxError" in done.cycle["detail"]
    assert "broken.py" in done.cycle["detail"]
    assert set(dkron.jobs()) == {"a1", "a2"}


def test_broken_yaml_is_said_with_its_file(watcher: Watcher) -> None:
    watcher.settle()
    (watcher.project.root / "Pulumi.dev.yaml").write_text("config: [\n")
    done = watcher.once()
    done.ended(1, "failed")
    assert "Pulumi.dev.yaml" in done.cycle["detail"]


def test_a_dkron_that_is_down_is_outcome_no_leader(watcher: Watcher) -> None:
    done = watcher.once(DKRON_URL="http://127.0.0.1:9", LEADER_WAIT_MS="500")
    done.ended(5, "no_leader")
    assert "cannot reach Dkron" in done.cycle["detail"]


def test_a_paused_dkron_is_outcome_paused(watcher: Watcher, dkron: Dkron) -> None:
    with proxy_before(dkron.url) as proxy:
        proxy.hook = lambda method, _path, _body: (503, b"paused") if method == "POST" else None
        done = watcher.once(DKRON_URL=proxy.url)
    done.ended(6, "paused")


def test_all_bad_settings_are_told_at_once(watcher: Watcher) -> None:
    done = watcher.once(RECONCILE_INTERVAL_MS="5", STRAYS="maybe", DKRON_URL="ftp://x")
    assert done.code == 2
    for name in ("RECONCILE_INTERVAL_MS", "STRAYS", "dkronUrl"):
        assert name in done.stderr


def test_the_node_reconcilers_environment_works_unchanged(watcher: Watcher, dkron: Dkron) -> None:
    old = {
        "DKRON_MGR__DKRON_URL": dkron.url,
        "DKRON_MGR__GATEWAY_URL": "http://127.0.0.1:7777",
        "DKRON_MGR__SERVICE_KEY": "old-key-1",
        "DKRON_MGR__RECONCILE_INTERVAL_MS": "300000",
    }
    http_job = 'JobSpec(name="h1", schedule="@every 1h", executor=http(setting("gatewayUrl") + "/x"))'
    watcher.project.declare(http_job)
    done = watcher.once(DKRON_URL="", GATEWAY_URL="", SERVICE_KEY="", **old)
    assert done.code == 0, done.stderr
    assert dkron.job("h1")["executor_config"]["url"] == "http://127.0.0.1:7777/x"
