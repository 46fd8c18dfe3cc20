"""What a person allows once: so many deletions, so many updates. And how a running watcher is told.

A `--once` beside a running watcher can't work on the stack itself. It leaves its allowance in a file beside the state,
for its owner only, and the running one takes it. A file of anybody else, or an old one, is no allowance.
"""

import getpass
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from watcher.own_files import replace_file

OLDEST_S = 600.0  # what nobody took within this time is forgotten


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many jobs may be deleted and updated at once beyond the limits (None: not allowed), and who said so. `plan`:
    whether what PLAN_ONLY holds back is let through."""

    deletes: int | None = None
    updates: int | None = None
    who: str = ""
    plan: bool = False

    @property
    def given(self) -> bool:
        return self.deletes is not None or self.updates is not None or self.plan

    @property
    def shown(self) -> dict[str, int]:
        """As it stands in the log."""
        counts = {"deletes": self.deletes, "updates": self.updates, "plan": self.plan or None}
        return {what: count for what, count in counts.items() if count is not None}


def user() -> str:
    """Who runs this process, as the log names them."""
    try:
        return f"{getpass.getuser()} (uid {os.getuid()})"
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


class AllowanceFile:
    """Where one process leaves an allowance and another takes it."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / f".watcher-{name}.allow.json"

    def leave(self, allowance: Allowance, now: float) -> None:
        """What root leaves is given to the state's owner, whose watcher could not read it else. Raises OSError."""
        replace_file(self.path, json.dumps({**asdict(allowance), "at": now}))
        if os.getuid() == 0:
            os.chown(self.path, self.path.parent.stat().st_uid, -1, follow_symlinks=False)

    def waiting(self) -> bool:
        return self.path.exists()

    def withdraw(self) -> None:
        self.path.unlink(missing_ok=True)

    def take(self, now: float) -> Allowance | None:
        """The allowance that is there, which is then gone; None if there is none that counts."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            seen, text = os.fstat(handle), file.read(10_000)
        self.withdraw()
        foreign = seen.st_uid not in (os.getuid(), 0) or seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if foreign or not stat.S_ISREG(seen.st_mode):
            return None
        try:
            row = json.loads(text)
            age = now - float(row["at"])
            deletes, updates = (None if row[key] is None else int(row[key]) for key in ("deletes", "updates"))
            allowance = Allowance(deletes, updates, str(row["who"]), row.get("plan") is True)
            return allowance if abs(age) <= OLDEST_S else None
        except (ValueError, KeyError, TypeError):
            return None
