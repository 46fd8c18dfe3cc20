"""The copies that Pulumi makes of a state (history and backups) and its logs: which is the newest, and which may go?

It knows their names, not what stands in them, and it is never called while a run may be under way.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

KEPT = 50
Stopping = Callable[[], bool]


def never() -> bool:
    return False


def prune_groups(folder: Path, stopping: Stopping = never, keep: int = KEPT) -> int:
    """Files of one update share a number in their names; all but the newest `keep` numbers go."""
    groups: dict[str, list[Path]] = {}
    for path in files_in(folder, ""):
        groups.setdefault(stamp_of(path), []).append(path)
    old = sorted(groups, key=lambda s: (len(s), s))[: max(0, len(groups) - keep)]
    return _remove((path for stamp in old for path in groups[stamp]), stopping)


def prune_newest(folder: Path, stopping: Stopping = never, keep: int = KEPT) -> int:
    """Keeps the newest `keep` files of a folder (Pulumi's logs)."""
    files = sorted(files_in(folder, ".log"), key=modified)
    return _remove(files[: max(0, len(files) - keep)], stopping)


def _remove(paths: Iterable[Path], stopping: Stopping) -> int:
    """How many went until a stop was asked for: a disk may take seconds for one, and the rest is for another time."""
    gone = 0
    for path in paths:
        if stopping():
            break
        path.unlink(missing_ok=True)
        gone += 1
    return gone


def keep_no_logs(home: Path) -> bool:
    """Keeps the CLI from logging its runs: it does without where a file stands in the place of its folder.

    There is no option for it, and formatting, compressing and encrypting what nobody reads is a third of the engine's
    time. Nothing is removed: False if logs are there already. Raises OSError.
    """
    logs = home / "logs"
    if logs.is_dir():
        return False
    home.mkdir(parents=True, exist_ok=True)
    logs.touch()
    return True


def stamp_of(path: Path) -> str:
    """The nanoseconds in dev.1795479148059541263.json and dev-1795479148058769604.checkpoint.json."""
    return max(("".join(c if c.isdigit() else " " for c in path.name).split() or ["0"]), key=len)


def modified(path: Path) -> int:
    """In nanoseconds since 1970, as in the names of the copies."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def files_in(folder: Path, suffix: str) -> list[Path]:
    try:
        return [p for p in folder.iterdir() if p.name.endswith(suffix) and p.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
