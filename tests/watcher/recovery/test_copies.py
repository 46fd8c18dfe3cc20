import os
from pathlib import Path

from watcher.recovery.copies import KEPT, prune_groups, prune_newest
from watcher.recovery.state_files import StateFiles


def test_history_and_backups_keep_the_newest_updates(tmp_path: Path) -> None:
    files = StateFiles(tmp_path, "p", "dev")
    files.history.mkdir(parents=True)
    files.backups.mkdir(parents=True)
    for number in range(995, 995 + KEPT + 10):
        for name in (f"dev-{number}.checkpoint.json", f"dev-{number}.history.json", f"dev-{number}.history.json.attrs"):
            (files.history / name).write_text("x")
        (files.backups / f"dev.{number}.json").write_text("x")
    assert files.prune() == 40
    assert {p.name for p in files.backups.iterdir()} == {f"dev.{n}.json" for n in range(1005, 1005 + KEPT)}
    assert len(list(files.history.iterdir())) == 3 * KEPT
    assert files.prune() == 0


def test_pruning_a_folder_that_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert prune_groups(tmp_path / "x") == 0
    assert prune_newest(tmp_path / "x") == 0


def test_logs_keep_the_newest_files(tmp_path: Path) -> None:
    for i in range(5):
        path = tmp_path / f"{9 - i}.log"
        path.write_text("x")
        os.utime(path, (i, i))
    (tmp_path / "other.txt").write_text("x")
    assert prune_newest(tmp_path, keep=2) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["5.log", "6.log", "other.txt"]
