import json
from dataclasses import replace
from pathlib import Path

import pytest

from watcher.recovery.locks import (
    Evidence,
    Holder,
    directory,
    holders_in,
    holders_on_disk,
    locked,
    proof,
    split,
    waiting,
)
from watcher.recovery.run_locks import Run

NOW, LIMIT = 10_000.0, 600.0
RUN = Run("t", "here", 42, NOW - 100)
OURS = Holder("k", "app", "here", 42, NOW - 99)
ALONE = Evidence(
    now=NOW,
    alone=True,
    alone_since=NOW - 50,
    host="here",
    alive=lambda pid: pid == 43,
    runs=(RUN,),
    watcher_hosts=frozenset({"peer"}),
    run_limit_s=LIMIT,
)

COMPLAINT = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or \
delete the lock file with `pulumi cancel`.
  file:///s/.pulumi/locks/organization/p/dev/x.json: created by bob@h1 (pid 99) at 2026-11-24T00:00:00Z
  postgres://****@db/locks/y.json: created by a b@c@h-2.local (pid 7) at 2026-11-24T01:00:00+01:00
"""


def test_our_own_lock_of_a_run_that_is_gone_is_dead() -> None:
    assert "no process of that run is left" in proof(OURS, ALONE)


@pytest.mark.parametrize(
    ("holder", "evidence"),
    [
        (OURS, replace(ALONE, alone=False)),
        (OURS, replace(ALONE, runs=(), host="other")),
        (OURS, replace(ALONE, runs=(replace(RUN, pid=None),), host="other")),
        (OURS, replace(ALONE, runs=(), alone=False)),
        (OURS, replace(ALONE, runs=(), alone_since=NOW - 100)),
        (replace(OURS, pid=43), ALONE),
        (replace(OURS, host="elsewhere"), ALONE),
        (replace(OURS, at=NOW - 5000), replace(ALONE, host="other")),
        (replace(OURS, at=NOW + 5000), ALONE),
        (replace(OURS, host="peer", at=NOW - 599), ALONE),
        (replace(OURS, host="peer", at=NOW + 1e9), ALONE),
        (Holder("k", at=NOW - 300, readable=False), ALONE),
        (Holder("k.json.1.tmp", at=NOW - 1, readable=False), replace(ALONE, runs=())),
        (Holder("k.json.1.tmp", at=NOW - 300, readable=False), replace(ALONE, alone=False)),
        (Holder("k", at=NOW - 5000, readable=False), replace(ALONE, alone=False)),
        (Holder("k", "ann", "laptop", 1, 0.0), ALONE),
    ],
)
def test_a_lock_that_is_not_proved_dead_is_left(holder: Holder, evidence: Evidence) -> None:
    assert proof(holder, evidence) == ""


@pytest.mark.parametrize("at", [NOW - 51, NOW - 5000, 0.0])
def test_a_lock_of_this_host_from_before_is_dead_if_its_process_is_gone(at: float) -> None:
    holder = replace(OURS, at=at)
    unrecorded = replace(ALONE, runs=())
    assert "its process is gone" in proof(holder, unrecorded)
    assert proof(replace(holder, pid=43), unrecorded) == ""


def test_an_old_lock_of_another_watchers_host_is_dead() -> None:
    holder = Holder("k", "app", "peer", 1, NOW - LIMIT - 6)
    assert "peer" in proof(holder, ALONE)
    assert proof(holder, replace(ALONE, ahead_s=86_400.0)) == ""
    assert proof(holder, replace(ALONE, now=NOW + 86_400, ahead_s=86_400.0))
    assert proof(holder, replace(ALONE, alone=False))


@pytest.mark.parametrize(
    ("pattern", "dead"), [("dkron-jobs-*", True), ("*-7f-x?", True), ("Dkron-*", False), ("dkron", False)]
)
def test_the_watchers_hosts_may_be_patterns(pattern: str, dead: bool) -> None:
    holder = Holder("k", "app", "dkron-jobs-7f-x2", 1, NOW - LIMIT - 6)
    assert bool(proof(holder, replace(ALONE, watcher_hosts=frozenset({"a", pattern})))) is dead


@pytest.mark.parametrize("at", [NOW - 99, NOW - 5000])
def test_a_lock_file_that_was_cut_off_is_dead_if_a_run_of_ours_left_it_or_if_it_is_old(at: float) -> None:
    assert proof(Holder("k", at=at, readable=False), ALONE)


def test_dead_and_living_are_told_apart() -> None:
    ann = Holder("k2", "ann", "laptop", 1, NOW - 61)
    dead, alive = split([OURS, ann], ALONE)
    assert [h for h, _ in dead] == [OURS]
    assert alive == [ann]
    assert "ann@laptop (pid 1), 61 s old" in waiting(alive, NOW, LIMIT, "dev")
    assert "somebody" in waiting([], NOW, LIMIT, "dev")
    assert "unknown, file k3" in waiting([Holder("k3", readable=False)], NOW, LIMIT, "dev")


def test_a_lock_that_is_older_than_any_run_is_told_with_its_beginning_and_the_command_that_clears_it() -> None:
    old, new = Holder("k", "ann", "laptop", 1, NOW - LIMIT - 6), Holder("k2", "bob", "laptop", 2, NOW - LIMIT)
    line = waiting([new, old], NOW, LIMIT, "prod")
    assert "ann@laptop (pid 1), 606 s old, since 1970-01-01 02:36:34 UTC, longer than" in line
    assert line.endswith("`pulumi cancel --yes --stack prod`")
    for holder in (new, replace(old, at=0.0)):
        assert "since" not in waiting([holder], NOW, LIMIT, "prod")


def test_the_holders_in_pulumis_complaint() -> None:
    assert locked("", COMPLAINT)
    assert locked("\n", "warning: something\n" + COMPLAINT)
    assert not locked("", "error: wrong passphrase")
    first, second = holders_in(COMPLAINT)
    assert (first.user, first.host, first.pid, first.at) == ("bob", "h1", 99, 1795478400.0)
    assert (second.user, second.host, second.pid, second.at) == ("a b@c", "h-2.local", 7, 1795478400.0)


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        ('{"diagnosticEvent": {}}', COMPLAINT),
        ("", 'error: job "x" carries the owner tag "error: the stack is currently locked by 2 lock(s)"'),
    ],
)
def test_a_strangers_text_is_no_lock(stdout: str, stderr: str) -> None:
    assert not locked(stdout, stderr)


def test_the_holders_on_disk(tmp_path: Path) -> None:
    folder = directory(tmp_path, "p", "dev")
    assert holders_on_disk(folder) == ()
    folder.mkdir(parents=True)
    content = {"pid": 7, "username": "u", "hostname": "h", "timestamp": "2026-11-24T00:00:00.123456789Z"}
    (folder / "a.json").write_text(json.dumps(content))
    (folder / "a.json.attrs").write_text("{}")
    (folder / "b.json").write_text("")
    (folder / "c.json").write_text(json.dumps({**content, "timestamp": "yesterday"}))
    first, second, third = holders_on_disk(folder)
    assert (first.user, first.host, first.pid, first.readable) == ("u", "h", 7, True)
    assert first.at == pytest.approx(1795478400.123456)
    assert not second.readable
    assert second.at == (folder / "b.json").stat().st_mtime
    assert third.at == 0.0


def test_a_lock_that_goes_while_it_is_looked_at_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("{}")

    def gone(_self: Path, encoding: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", gone)
    assert holders_on_disk(tmp_path) == ()


def test_a_lock_that_could_never_be_finished_is_dead_after_seconds() -> None:
    assert proof(Holder("k.json.1.tmp", at=NOW - 10, readable=False), ALONE)
