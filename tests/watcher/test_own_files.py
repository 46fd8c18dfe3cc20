import os
import stat
from pathlib import Path

import pytest

from tests.watcher.support import FakeClock
from watcher.memory import Memory, MemoryFile
from watcher.own_files import make_directory, open_to_lock, read_file, replace_file
from watcher.recovery.run_locks import RunLocks


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_and_its_directory_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_directory(folder)
    replace_file(folder / "x", "text")
    os.close(open_to_lock(folder / "y"))
    assert [mode(folder), mode(folder / "x"), mode(folder / "y")] == [0o700, 0o600, 0o600]
    assert read_file(folder / "x") == "text"


def test_a_link_is_neither_read_nor_locked_nor_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("theirs")
    link.symlink_to(target)
    for use in (read_file, open_to_lock):
        with pytest.raises(OSError, match="symbolic link"):
            use(link)
    link.with_name("link.tmp").symlink_to(target)
    replace_file(link, "ours")
    assert target.read_text() == "theirs"
    assert link.read_text() == "ours"
    assert not link.is_symlink()


def test_links_laid_in_the_directory_of_the_watcher_change_nothing_elsewhere(tmp_path: Path) -> None:
    target, directory = tmp_path / "target", tmp_path / "work"
    directory.mkdir()
    target.write_text("theirs")
    for name in ("lock", "run.lock", "runs.json", "runs.tmp", "runs.json.tmp", "memory.json", "memory.json.tmp"):
        (directory / f".watcher-x.{name}").symlink_to(target)
    runs = RunLocks(directory, "x", FakeClock())
    with pytest.raises(OSError, match="symbolic link"):
        runs.acquire()
    runs.note("token", 1)
    assert MemoryFile(directory, "x").load() == Memory()
    MemoryFile(directory, "x").save(Memory(revision="r"))
    assert target.read_text() == "theirs"
