"""Locks, damaged states and pending operations, on real files; and what is done about a remote state."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from provider.reference import reference_of
from tests.watcher.support import World, job, preview, steady, step, up, world
from watcher.endings import Ended
from watcher.pulumi.child import Finished
from watcher.recovery import locks
from watcher.recovery.run_locks import Busy, RunLocks
from watcher.status import CycleReport, Outcome, Reason

COMPLAINT = "the stack is currently locked by 1 lock(s).\n  s3://b/x.json: created by {} (pid {}) at {}\n"


def run(w: World) -> CycleReport:
    report = w.cycle.run(Reason.INTERVAL)
    assert report is not None
    return report


def put_lock(root: Path, **content: Any) -> Path:
    folder = locks.directory(root / ".state", "dkron-jobs", "dev")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.json"
    path.write_text(json.dumps(content))
    return path


def stamp(w: World, ago: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(w.clock.now() - ago, UTC).isoformat()


def record(w: World, root: Path, pid: int) -> RunLocks:
    """A record that an earlier watcher left."""
    found = RunLocks(root / ".state", "dkron-jobs-dev", w.clock)
    found.note("t", pid)
    return found


def test_a_dead_runs_lock_is_cleared(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    earlier = record(w, tmp_path, 4_000_001)
    path = put_lock(tmp_path, pid=4_000_001, username="u", hostname=earlier.host, timestamp=stamp(w, 0))
    path.with_name("x.json.attrs").write_text("{}")
    assert run(w).outcome is Outcome.UNCHANGED
    assert list(path.parent.iterdir()) == []
    assert b"watcher_stale_locks_cleared_total 1.0" in w.tools.metrics.text()
    assert "lock.cleared" in w.names()


def test_a_persons_lock_ends_the_cycle(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    path = put_lock(tmp_path, pid=os.getpid(), username="ann", hostname="laptop", timestamp=stamp(w, 65))
    report = run(w)
    assert report.outcome is Outcome.LOCKED
    assert "ann@laptop" in report.detail
    assert "65 s old" in report.detail
    assert path.exists()
    assert w.cli.calls == []


def test_a_second_watcher_waits_and_takes_over(tmp_path: Path) -> None:
    first, second = world(tmp_path, job("a")), world(tmp_path, job("a"))
    assert run(first).outcome is Outcome.UNCHANGED
    waiting = run(second)
    assert waiting.outcome is Outcome.LOCKED
    assert f"pid {os.getpid()} on" in waiting.detail
    first.cycle.close()
    assert run(second).outcome is Outcome.UNCHANGED
    second.cycle.close()


def test_what_a_dead_watcher_left_running_keeps_its_run_lock(tmp_path: Path) -> None:
    w = world(tmp_path)
    first, second = (RunLocks(tmp_path / ".state", "x", w.clock) for _ in range(2))
    first.acquire()
    assert first.inherited
    assert first._watcher is not None
    os.close(first._watcher)  # the watcher died; its child still holds the other lock
    first._watcher = None
    with pytest.raises(Busy, match="earlier watcher is still alive"):
        second.acquire()
    first.release()
    assert second.acquire() == 0
    assert second.acquire() == 0
    assert second.inherited
    second.release()


def test_the_record_keeps_the_last_runs_and_survives_damage(tmp_path: Path) -> None:
    w = world(tmp_path)
    runs = RunLocks(tmp_path, "x", w.clock)
    for number in range(60):
        runs.note(f"t{number}", None)
        runs.note(f"t{number}", number)
    assert [r.pid for r in runs.record()] == list(range(10, 60))
    (tmp_path / ".watcher-x.runs.json").write_text('[{"token": 1}]')
    assert runs.record() == ()


def test_a_record_that_cannot_be_written_is_no_reason_not_to_run(tmp_path: Path) -> None:
    w = world(tmp_path)
    RunLocks(tmp_path / "nowhere", "x", w.clock).note("t", 1)


def test_a_state_that_cannot_be_used_is_a_failure(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    (tmp_path / ".state").rmdir()
    (tmp_path / ".state").write_text("no directory")
    report = run(w)
    assert report.outcome is Outcome.FAILED
    assert "cannot use the state in" in report.detail
    assert w.cli.calls == []


def checkpoint(root: Path, **latest: Any) -> Path:
    path = root / ".state" / ".pulumi" / "stacks" / "dkron-jobs" / "dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [], **latest}}}))
    return path


def exported(*operations: dict[str, Any]) -> Finished:
    return Finished("stack", 0, 1, json.dumps({"version": 3, "deployment": {"pending_operations": list(operations)}}))


PENDING = {"type": "creating", "resource": {"urn": "u", "inputs": {"name": "a"}}}


def test_a_damaged_state_is_mended_loudly(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    checkpoint(tmp_path).write_text("{")
    assert run(w).outcome is Outcome.UNCHANGED
    assert "state.repaired" in w.names()
    assert b"watcher_state_repairs_total 1.0" in w.tools.metrics.text()


def test_a_cycle_reads_the_state_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = world(tmp_path, job("a"))
    state, read = checkpoint(tmp_path, resources=[]), list[Path]()
    text = state.read_text()

    def reading(path: Path) -> str:
        read.append(path)
        return text

    monkeypatch.setattr("watcher.recovery.state_files._read", reading)
    assert run(w).outcome is Outcome.UNCHANGED
    assert read == [state]


def test_pending_creates_are_taken_over(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    checkpoint(tmp_path, pending_operations=[PENDING])
    w.cli.others["export_stack"] = exported(PENDING)
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.cli.calls[:2] == ["export_stack", "import_stack"]
    imported = json.loads(w.cli.others["imported"].stdout)
    assert [r["id"] for r in imported["deployment"]["resources"]] == ["a"]
    assert "state.pending_taken_over" in w.names()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"export_stack": Finished("stack", 1, 1, "", "error: disk")}, "cannot export the stack: disk"),
        ({"export_stack": Finished("stack", 0, 1, "garbage")}, "cannot read what"),
        ({"export_stack": exported({"type": "creating", "resource": []})}, "cannot take"),
        ({"export_stack": exported(PENDING), "import_stack": Finished("stack", 1, 1)}, "exit code 1"),
    ],
)
def test_what_cannot_be_taken_over_is_a_failure(tmp_path: Path, answers: dict[str, Finished], words: str) -> None:
    w = world(tmp_path, job("a"))
    checkpoint(tmp_path, pending_operations=[PENDING])
    w.cli.others.update({"import_stack": Finished("stack", 1, 1, "", ""), **answers})
    report = run(w)
    assert report.outcome is Outcome.FAILED
    assert words in report.detail


def test_a_stop_while_exporting_ends_the_cycle(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    checkpoint(tmp_path, pending_operations=[PENDING])
    w.cli.others["export_stack"] = Finished("stack", -9, 1, stopped=True)
    assert w.cycle.run(Reason.START) is None


# -- a state that is no directory


def remote(root: Path, *jobs: dict[str, Any], **changes: Any) -> World:
    (root / "Pulumi.yaml").write_text("name: dkron-jobs\nbackend:\n  url: s3://bucket\n")
    return world(root, *jobs, **changes)


def test_a_remote_stack_is_looked_at_for_pending_operations_at_first(tmp_path: Path) -> None:
    w = remote(tmp_path, job("a"))
    run(w)
    run(w)
    assert w.cli.calls == ["export_stack", "preview", "export_stack", "preview"]
    assert (tmp_path / ".work").is_dir()


def test_a_remote_stack_that_is_not_there_yet_has_none(tmp_path: Path) -> None:
    w = remote(tmp_path, job("a"))
    w.cli.others["export_stack"] = Finished("stack", 6, 1, "", "error: no stack named 'dev' found")
    assert run(w).outcome is Outcome.UNCHANGED


def locked_up(w: World, who: str, pid: int, ago: float) -> Finished:
    return Finished("up", 1, 1, "", "error: " + COMPLAINT.format(who, pid, stamp(w, ago).replace("+00:00", "Z")))


def test_a_remote_lock_of_a_dead_peer_is_cleared_and_the_up_repeated(tmp_path: Path) -> None:
    w = remote(tmp_path, hosts=frozenset({"peer"}))
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [locked_up(w, "app@peer", 3, 700), up(("create", "a"))]
    assert run(w).outcome is Outcome.CHANGED
    assert w.cli.calls == ["export_stack", "preview", "up", "cancel", "up"]


def test_a_remote_lock_of_a_person_is_waited_for(tmp_path: Path) -> None:
    w = remote(tmp_path)
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [locked_up(w, "ann@laptop", 3, 700)]
    report = run(w)
    assert report.outcome is Outcome.LOCKED
    assert "ann@laptop" in report.detail
    assert report.detail.endswith("clear it with `pulumi cancel --yes --stack dev`")
    assert "cancel" not in w.cli.calls


def test_a_lock_that_comes_back_at_once_is_waited_for(tmp_path: Path) -> None:
    w = remote(tmp_path, hosts=frozenset({"peer"}))
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [locked_up(w, "app@peer", 3, 700), locked_up(w, "ann@laptop", 4, 1)]
    assert run(w).outcome is Outcome.LOCKED


def test_a_dead_lock_that_cannot_be_cleared_is_told(tmp_path: Path) -> None:
    w = remote(tmp_path, hosts=frozenset({"peer"}))
    w.cli.previews = [preview(step("create", "a", None, {}))]
    w.cli.ups = [locked_up(w, "app@peer", 3, 700)]
    w.cli.others["cancel"] = Finished("cancel", 1, 1, "", "error: forbidden")
    report = run(w)
    assert (report.outcome, report.detail) == (Outcome.LOCKED, "cannot clear a dead lock: forbidden")


def test_what_cannot_be_pruned_now_is_pruned_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = world(tmp_path, job("a"))

    def denied(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("watcher.recovery.recovery.copies.prune_newest", denied)
    assert run(w).outcome is Outcome.UNCHANGED
    assert "prune.failed" in w.names()


def test_old_logs_are_pruned(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.previews = [steady("a")]
    (tmp_path / ".home" / "logs").mkdir(parents=True)
    for i in range(60):
        (tmp_path / ".home" / "logs" / f"{i}.log").write_text("x")
    run(w)
    assert len(list((tmp_path / ".home" / "logs").iterdir())) == 50


def test_the_cli_s_own_logs_can_be_switched_off_where_there_are_none_yet(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), pulumi_logs=False)
    w.cli.previews = [steady("a"), steady("a")]
    run(w)
    run(w)
    assert (tmp_path / ".home" / "logs").is_file()
    assert "logs.kept" not in w.names()
    assert "prune.failed" not in w.names()


def test_logs_that_are_there_are_never_removed_for_it(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), pulumi_logs=False)
    w.cli.previews = [steady("a")]
    (tmp_path / ".home" / "logs").mkdir(parents=True)
    (tmp_path / ".home" / "logs" / "1.log").write_text("x")
    assert run(w).outcome is Outcome.UNCHANGED
    assert (tmp_path / ".home" / "logs" / "1.log").read_text() == "x"
    assert "logs.kept" in w.names()


def test_a_home_that_cannot_be_written_only_keeps_the_logs(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), pulumi_logs=False)
    w.cli.previews = [steady("a")]
    (tmp_path / ".home").write_text("a file")
    run(w)
    assert "logs.kept" in w.names()


# -- what Pulumi could not use, or would run


JOB = "urn:pulumi:dev::dkron-jobs::pulumi-python:dynamic/dkron:Job::a"


def write_state(root: Path, *resources: dict[str, Any], version: int = 3, **latest: Any) -> Path:
    path = root / ".state" / ".pulumi" / "stacks" / "dkron-jobs" / "dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": version, "checkpoint": {"latest": {"resources": resources, **latest}}}))
    return path


def dynamic(**more: Any) -> dict[str, Any]:
    inputs = {"__provider": reference_of("provider")}
    return {"urn": JOB, "type": "pulumi-python:dynamic/dkron:Job", "custom": True, "id": "a", "inputs": inputs, **more}


def test_a_state_with_another_provider_is_refused_before_anything_runs(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    write_state(tmp_path, dynamic(outputs={"__provider": "gASV-strange"}))
    report = run(w)
    assert report.outcome is Outcome.REFUSED
    assert 'another provider than ours for "a"' in report.detail
    assert w.cli.calls == []
    with pytest.raises(Ended):
        w.cycle.look_only()
    assert w.cli.calls == []


def test_a_remote_state_with_another_provider_is_refused_too(tmp_path: Path) -> None:
    w = remote(tmp_path, job("a"))
    strange = {"deployment": {"resources": [dynamic(inputs={"__provider": "x"})]}}
    w.cli.others["export_stack"] = Finished("export", 0, 0.1, json.dumps(strange))
    assert run(w).outcome is Outcome.REFUSED
    assert w.cli.calls == ["export_stack"]


def test_pulumi_s_own_repair_is_tried_first_and_the_bad_file_is_kept(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    path = write_state(tmp_path, dynamic(dependencies=["urn::none"]))
    bad = path.read_text()

    def repaired() -> Finished:
        w.cli.calls.append("repair_state")
        write_state(tmp_path, dynamic())
        return Finished("state", 0, 0.1)

    w.cli.repair_state = repaired  # type: ignore[method-assign]
    assert run(w).outcome is Outcome.UNCHANGED
    assert w.cli.calls == ["repair_state", "preview"]
    assert [kept.read_text() for kept in path.parent.glob("dev.json.bad-*")] == [bad]
    (told,) = [e for e in w.events if e["event"] == "state.repaired"]
    assert "isn't there before it" in told["problem"]
    assert told["remedy"] == "repaired by `pulumi state repair`"


def test_then_a_good_backup_takes_its_place_and_without_one_it_starts_empty(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.others["repair_state"] = Finished("state", 1, 0.1, stderr="error: no")
    path = write_state(tmp_path, dynamic())
    good = path.read_text()
    path.with_name("dev.json.bak").write_text(good)
    write_state(tmp_path, dynamic(id=""))
    assert run(w).outcome is Outcome.UNCHANGED
    assert path.read_text() == good
    path.with_name("dev.json.bak").unlink()
    twice = write_state(tmp_path, dynamic(), dynamic()).read_text()
    run(w)
    assert not path.exists()
    assert twice in [kept.read_text() for kept in path.parent.glob("dev.json.bad-*")]


PANIC = "panic: fatal: An assertion has failed\n\ngoroutine 9 [running]:\n"


def refusing(tmp_path: Path, said: str, code: int = 1) -> tuple[World, Path]:
    """A world where Pulumi says this instead of a preview, and a state that nothing speaks against."""
    w = world(tmp_path, job("a"))
    w.cli.previews = [Finished("preview", code, 1.0, "", said)]
    return w, write_state(tmp_path, dynamic())


def test_what_only_pulumi_finds_wrong_is_mended_in_three_tries_and_then_left(tmp_path: Path) -> None:
    w, path = refusing(tmp_path, PANIC, 2)
    w.cli.others["destroy_preview"] = Finished("destroy", 2, 1.0, "", PANIC)
    remedies = []
    for _ in range(5):
        report = run(w)
        assert report.detail == "Pulumi itself failed: panic: fatal: An assertion has failed"
        remedies = [e["remedy"][:14] for e in w.events if e["event"] == "state.repaired"]
        write_state(tmp_path, dynamic())
    assert remedies == ["no good backup"] * 3
    assert path.exists()


def test_a_panic_that_does_not_come_from_the_state_leaves_it_as_it_is(tmp_path: Path) -> None:
    w, path = refusing(tmp_path, PANIC, 2)
    path.with_name("dev.json.bak").write_text(json.dumps({"version": 3, "checkpoint": {}}))
    before = path.read_text()
    for _ in range(5):
        run(w)
    assert path.read_text() == before
    assert "state.repaired" not in w.names()
    assert "destroy_preview" in w.cli.calls
    assert "repair_state" not in w.cli.calls


def test_what_a_program_prints_is_no_verdict_on_the_state(tmp_path: Path) -> None:
    w, path = refusing(tmp_path, PANIC)
    document = {
        "steps": [],
        "diagnostics": [{"message": f"error: {PANIC}snapshot integrity error", "severity": "error"}],
    }
    w.cli.previews = [Finished("preview", 1, 1.0, json.dumps(document), PANIC)]
    before = path.read_text()
    for _ in range(5):
        run(w)
    assert path.read_text() == before
    assert set(w.cli.calls) == {"preview"}


@pytest.mark.parametrize("why", ["input/output error", "too many open files", "permission denied"])
def test_a_state_that_the_disk_does_not_give_is_left_as_it_is(tmp_path: Path, why: str) -> None:
    said = f'error: failed to load checkpoint: blob (key "x") (code=Unknown): read /s/dev.json: {why}\n'
    w, path = refusing(tmp_path, said)
    before = path.read_text()
    for _ in range(5):
        assert why in run(w).detail
    assert path.read_text() == before
    assert set(w.cli.calls) == {"preview"}


@pytest.mark.parametrize(
    "cut_off",
    [
        Finished("state", None, 0.1, stderr="cannot start pulumi"),
        Finished("state", -9, 0.1),
        Finished("state", 1, 60.0, timed_out=True),
        Finished("state", 1, 0.1, stderr="error: the stack is currently locked by 1 lock(s)"),
        Finished("state", 1, 0.1, stderr="error: blob (code=Unknown): no space left on device"),
    ],
    ids=["not started", "killed", "out of time", "locked", "full disk"],
)
def test_a_repair_that_did_not_come_to_its_end_is_tried_again(tmp_path: Path, cut_off: Finished) -> None:
    w = world(tmp_path, job("a"))
    w.cli.others["repair_state"] = cut_off
    path = write_state(tmp_path, dynamic())
    path.with_name("dev.json.bak").write_text(path.read_text())
    bad = write_state(tmp_path, dynamic(id="")).read_text()
    for _ in range(7):
        run(w)
    assert path.read_text() == bad
    assert len(list(path.parent.glob("dev.json.bad-*"))) == 1, "one copy of one state"


def test_a_stop_in_the_middle_of_a_repair_puts_nothing_in_the_states_place(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    w.cli.others["repair_state"] = Finished("state", -2, 0.1, stopped=True)
    path = write_state(tmp_path, dynamic(id=""))
    before = path.read_text()
    assert w.cycle.run(Reason.INTERVAL) is None
    assert path.read_text() == before


def test_a_backup_with_another_salt_is_none(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    (tmp_path / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:new\n")
    w.cli.others["repair_state"] = Finished("state", 1, 0.1, stderr="error: no")
    old = {"type": "passphrase", "state": {"salt": "v1:old"}}
    path = write_state(tmp_path, dynamic(), secrets_providers=old)
    path.replace(path.with_name("dev.json.bak"))
    write_state(tmp_path, dynamic(id=""))
    run(w)
    assert not path.exists()


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("unsupported checkpoint version 9", {"version": 9}),
        ("this stack's deployment needs support for the following features: new", {"version": 4, "features": ["new"]}),
        # What a version that isn't known here makes Pulumi do is not judged either.
        (PANIC, {"version": 9}),
    ],
)
def test_a_state_of_a_newer_pulumi_is_named_and_left(tmp_path: Path, said: str, more: dict[str, Any]) -> None:
    w, path = refusing(tmp_path, f"error: failed to load checkpoint: {said}\n")
    path = write_state(tmp_path, dynamic(), dynamic())
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    before = path.read_text()
    for _ in range(5):
        report = run(w)
        assert report.outcome is Outcome.FAILED
        assert "written by a newer Pulumi" in report.detail
    assert path.read_text() == before
    assert set(w.cli.calls) == {"preview"}


@pytest.mark.parametrize(("opens", "left"), [(True, False), (False, True)])
def test_a_state_with_another_salt_is_replaced_only_if_the_passphrase_is_right(
    tmp_path: Path, opens: bool, left: bool
) -> None:
    w = world(tmp_path, job("a"))
    stack = "encryptionsalt: v1:new\nconfig:\n  dkron-jobs:serviceKey:\n    secure: v1:x\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(stack)
    w.cli.others["config serviceKey"] = Finished("config", 0 if opens else 255, 0.1)
    w.cli.previews = [Finished("preview", 1, 1.0, "", "error: failed to decrypt: incorrect passphrase\n"), steady("a")]
    path = write_state(tmp_path, dynamic(), secrets_providers={"type": "passphrase", "state": {"salt": "v1:old"}})
    assert run(w).outcome is Outcome.FAILED
    run(w)
    assert path.exists() == left


def test_a_stack_file_that_lost_its_salt_is_refused_before_pulumi_runs(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  dkron-jobs:serviceKey:\n    secure: v1:x\n")
    report = run(w)
    assert "holds encrypted values and no encryptionsalt" in report.detail
    assert w.cli.calls == []
