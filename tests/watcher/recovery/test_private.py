"""What others could read of the state is closed, and nothing else."""

import os
import stat
from pathlib import Path

import pytest

from tests.watcher.support import job, world
from watcher.recovery.private import Closed, close
from watcher.status import Reason


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def put(path: Path, bits: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    path.chmod(bits)
    return path


def test_what_others_could_read_is_its_owners_alone(tmp_path: Path) -> None:
    opened = [
        put(tmp_path / ".pulumi" / "stacks" / "p" / "dev.json"),
        put(tmp_path / ".pulumi" / "history" / "p" / "dev" / "dev-1.history.json", 0o666),
        put(tmp_path / ".pulumi" / "backups" / "p" / "dev" / "dev.1.json", 0o640),
        put(tmp_path / "archive" / "x.job.json"),
        put(tmp_path / ".watcher-p-dev.memory.json", 0o604),
    ]
    closed = close(tmp_path)
    assert (closed.left, closed.why) == (0, "")
    assert {mode(path) for path in opened} == {0o600}
    assert {mode(path.parent) for path in opened[:4]} == {0o700}
    assert close(tmp_path) == Closed()


def test_what_is_no_state_stays_as_it_is(tmp_path: Path) -> None:
    beside = put(tmp_path / ".pulumi" / "bin" / "pulumi", 0o755)
    program = put(tmp_path / "jobs" / "a.py")
    assert close(tmp_path) == Closed()
    assert close(tmp_path / "nowhere") == Closed()
    assert (mode(beside), mode(program)) == (0o755, 0o644)


def test_no_link_is_followed(tmp_path: Path) -> None:
    target = put(tmp_path / "theirs" / "file")
    target.parent.chmod(0o755)
    state = tmp_path / "state"
    (state / ".pulumi" / "stacks").mkdir(parents=True, mode=0o700)
    (state / ".pulumi" / "stacks").chmod(0o700)
    (state / ".pulumi" / "stacks" / "dev.json").symlink_to(target)
    (state / ".pulumi" / "stacks" / "folder").symlink_to(target.parent)
    (state / ".pulumi" / "history").symlink_to(target.parent)
    (state / ".watcher-x.lock").symlink_to(target)
    os.mkfifo(state / ".watcher-x.pipe", 0o600)
    assert close(state) == Closed()
    assert (mode(target), mode(target.parent)) == (0o644, 0o755)


def test_a_watcher_closes_what_it_finds_and_says_once_what_it_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world(tmp_path, job("a"))
    found = put(tmp_path / ".state" / ".pulumi" / "meta.yaml").with_name("stacks") / "other" / "dev.json"
    put(found)
    w.cycle.run(Reason.START)
    assert mode(found) == 0o600
    assert w.names().count("state.closed") == 1
    put(found)

    def denied(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", denied)
    w.cycle.run(Reason.INTERVAL)
    w.cycle.run(Reason.INTERVAL)
    (told,) = [event for event in w.events if event["event"] == "state.open"]
    assert told["why"] == "others may read it, or write it: dev.json: Operation not permitted"
