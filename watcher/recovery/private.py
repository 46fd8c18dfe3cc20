"""Takes the rights of others off the state's files that are there already: what the runs write is their owner's alone.

It follows no link, and touches nothing but state and the watcher's own files: Pulumi's programs may lie beside them.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcher.logs import EventLog
from watcher.recovery.copies import Stopping, never

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
PLACES: Final = (".pulumi/stacks", ".pulumi/history", ".pulumi/backups", ".pulumi/locks", "archive")


@dataclass(frozen=True, slots=True)
class Closed:
    """How many files and directories were closed, how many could not be, and the first reason."""

    done: int = 0
    left: int = 0
    why: str = ""


class Private:
    """Closes what an older version, or a person with another umask, left open, and tells."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self._left = 0  # files that others may read

    def close(self, directory: Path, stopping: Stopping) -> None:
        """As the function does."""
        closed = close(directory, stopping)
        if closed.done:
            self.log.info("state.closed", files=closed.done, detail="others could read it, or write it")
        if closed.left and closed.left != self._left:
            self.log.warning("state.open", files=closed.left, why=f"others may read it, or write it: {closed.why}")
        self._left = closed.left


def close(state_dir: Path, stopping: Stopping = never) -> Closed:
    """Closes what others may read, write or enter. Raises OSError where the directory can't be looked through.

    `stopping`: asked before each file; a disk may take seconds for one.
    """
    done, left, why = 0, 0, ""
    for name, folder in _found(state_dir):
        if stopping():
            break
        try:
            done += _close(name, folder)
        except FileNotFoundError:
            continue  # it has gone meanwhile
        except OSError as error:
            left += 1
            why = why or f"{name}: {error.strerror or error}"
    return Closed(done, left, why)


def _found(state_dir: Path) -> Iterator[tuple[str, int | None]]:
    """Each with the handle of the directory that it is in."""
    for place in PLACES:
        if (state_dir / place).is_dir():
            for _, _, files, folder in os.fwalk(state_dir / place):
                yield ".", folder
                yield from ((file, folder) for file in files)
    yield from ((str(path), None) for path in state_dir.glob(".watcher-*"))


def _close(name: str, folder: int | None) -> bool:
    """Whether it was open to others, and is not any more. A link is left as it is."""
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)) or not seen.st_mode & OTHERS:
        return False
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fchmod(handle, stat.S_IMODE(os.fstat(handle).st_mode) & ~OTHERS)
    finally:
        os.close(handle)
    return True
