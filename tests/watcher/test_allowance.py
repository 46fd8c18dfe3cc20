"""A person's word for a running watcher: who may leave it, and for how long it counts."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.watcher.support import World, job, world
from watcher.allowance import OLDEST_S, Allowance, AllowanceFile, user
from watcher.loop import Loop
from watcher.once import run_once
from watcher.recovery.run_locks import RunLocks

NOW = 5000.0


def left(folder: Path) -> AllowanceFile:
    file = AllowanceFile(folder, "p-dev")
    file.leave(Allowance(3, None, "ann (uid 5)"), NOW)
    return file


def test_what_is_left_is_taken_once(tmp_path: Path) -> None:
    file = left(tmp_path)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.waiting()
    assert file.take(NOW + 1) == Allowance(3, None, "ann (uid 5)")
    assert not file.waiting()
    assert file.take(NOW + 1) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_what_root_leaves_is_the_states_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    assert left(tmp_path).path.stat().st_uid == 12345


def test_what_was_left_long_ago_does_not_count(tmp_path: Path) -> None:
    assert left(tmp_path).take(NOW + OLDEST_S + 1) is None


def test_a_file_that_others_may_write_does_not_count(tmp_path: Path) -> None:
    file = left(tmp_path)
    file.path.chmod(0o622)
    assert file.take(NOW) is None
    assert not file.waiting()


def test_a_link_does_not_count(tmp_path: Path) -> None:
    file = left(tmp_path)
    file.path.rename(tmp_path / "other")
    file.path.symlink_to(tmp_path / "other")
    assert file.take(NOW) is None


def test_another_users_file_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = left(tmp_path)
    if os.getuid() == 0:
        os.chown(file.path, 12345, 12345)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert file.take(NOW) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": "x"}', '{"at": 5000, "deletes": [], "updates": 1}'])
def test_anything_else_in_it_does_not_count(tmp_path: Path, text: str) -> None:
    file = left(tmp_path)
    file.path.write_text(text)
    assert file.take(NOW) is None


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert user().endswith(f"(uid {os.getuid()})")

    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert user() == f"uid {os.getuid()}"


# -- beside a running watcher


def running(root: Path, w: World) -> RunLocks:
    """The locks of another watcher on the same stack."""
    locks = RunLocks(root / ".state", "dkron-jobs-dev", w.clock)
    locks.acquire()
    return locks


def test_beside_a_running_watcher_it_is_handed_over(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), allow=3)
    other = running(tmp_path, w)
    path = tmp_path / ".state" / ".watcher-dkron-jobs-dev.allow.json"
    w.clock.at = [(2.0, path.unlink)]
    assert run_once(w.tools, w.cycle, Loop(w.tools, w.cycle, w.board)) == 0
    assert w.names() == ["allowance.waiting", "allowance.taken"]
    other.release()


def test_what_the_running_watcher_does_not_take_is_withdrawn(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), allow=3)
    other = running(tmp_path, w)
    assert run_once(w.tools, w.cycle, Loop(w.tools, w.cycle, w.board)) == 4
    assert w.names()[-1] == "allowance.withdrawn"
    assert not (tmp_path / ".state" / ".watcher-dkron-jobs-dev.allow.json").exists()
    other.release()


def test_without_another_watcher_the_cycle_runs_here(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"), allow=3)
    assert run_once(w.tools, w.cycle, Loop(w.tools, w.cycle, w.board)) == 0
    assert w.cli.calls == ["preview"]


def test_a_running_watcher_takes_it_at_its_next_look(tmp_path: Path) -> None:
    w = world(tmp_path, job("a"))
    loop = Loop(w.tools, w.cycle, w.board)
    file = w.cycle.keeper.allowance_file(w.cycle.keeper.workspace())
    w.clock.at = [
        (15.0, lambda: file.leave(Allowance(3, 4, "ann"), w.clock.now())),
        (40.0, w.control.stop),
    ]
    loop.run()
    assert [e.get("reason") for e in w.events if e["event"] == "cycle.done"] == ["start", "forced"]
    given = next(e for e in w.events if e["event"] == "allowance.given")
    assert (given["who"], given["deletes"], given["updates"]) == ("ann", 3, 4)
    assert json.loads(json.dumps(w.cycle.keeper.allowance.shown)) == {"deletes": 3, "updates": 4}
