"""Pulumi's lock on a stack: who holds it, and is it proved to be ours and dead? Pure; `recovery` clears.

`pulumi cancel` would also remove a live run's lock, and then two runs overlap. So a lock is only cleared on proof
that its holder is dead. For a file backend one lock is one file, and only the dead one's file is removed.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from watcher.recovery.run_locks import Run

# Pulumi's words, matched here and nowhere else: it tells a lock by no exit code of its own. They open its complaint,
# and a run that met a lock has printed nothing else, so a job's or a program's text can't pass for them.
LOCKED = "error: the stack is currently locked by "
CLOCK_SLACK_S = 5.0
_HOLDER = re.compile(
    r"^\s*(?P<key>\S+): created by (?P<user>.*)@(?P<host>[^@]*) \(pid (?P<pid>\d+)\) at (?P<at>\S+)\s*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Holder:
    """One lock as Pulumi wrote it. `at`: seconds since 1970. `readable` is False for a file cut off by a full disk."""

    key: str
    user: str = ""
    host: str = ""
    pid: int = 0
    at: float = 0.0
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known when a lock is judged. Times: seconds since 1970.

    `alone`: the run lock is held, since `alone_since`, so no process of a recorded run is left. `host` is ours; `alive`
    tells whether a process is there. `watcher_hosts`: patterns of host names. `ahead_s`: how far this clock has jumped
    ahead of the other hosts' since this watcher began.
    """

    now: float
    alone: bool
    alone_since: float
    host: str
    alive: Callable[[int], bool]
    runs: tuple[Run, ...]
    watcher_hosts: frozenset[str]
    run_limit_s: float
    ahead_s: float = 0.0


def locked(stdout: str, stderr: str) -> bool:
    """Whether a run that printed this failed because the stack is locked."""
    return not stdout.strip() and any(line.startswith(LOCKED) for line in stderr.splitlines())


def holders_in(text: str) -> tuple[Holder, ...]:
    """The holders that Pulumi's complaint names (any backend)."""
    return tuple(
        Holder(match["key"], match["user"], match["host"], int(match["pid"]), _time(match["at"]))
        for match in _HOLDER.finditer(text)
    )


def _time(text: str) -> float:
    """RFC 3339 with up to nine digits of fraction; 0.0 if it is none."""
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(shortened.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def directory(state_dir: Path, project: str, stack: str) -> Path:
    return state_dir / ".pulumi" / "locks" / "organization" / project / stack


# A lock's file gets its name when it is whole; what is left of one that could not be written locks Pulumi, too.
_UNFINISHED = ".tmp"
UNFINISHED_S = 5.0


def holders_on_disk(folder: Path) -> tuple[Holder, ...]:
    """The locks of a file backend. Raises OSError other than that there are none."""
    found = []
    try:
        paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.endswith(".attrs"))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            holder = Holder(
                str(path),
                str(content["username"]),
                str(content["hostname"]),
                int(content["pid"]),
                _time(str(content["timestamp"])),
            )
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError):
            holder = Holder(str(path), at=path.stat().st_mtime, readable=False)
        found.append(holder)
    return tuple(found)


def _ours(holder: Holder, evidence: Evidence) -> bool:
    """Whether a recorded run took this lock: same host, same pid (unless the file is cut off), at that time."""
    return any(
        (not holder.readable or (holder.host == run.host and holder.pid == run.pid))
        and run.started - CLOCK_SLACK_S <= holder.at <= run.started + evidence.run_limit_s + CLOCK_SLACK_S
        for run in evidence.runs
    )


def proof(holder: Holder, evidence: Evidence) -> str:
    """Why this lock is ours and dead, "" if that isn't proved."""
    age = evidence.now - holder.at
    if evidence.alone and _ours(holder, evidence):
        return "it was taken by a run of this watcher, and no process of that run is left"
    # Not a lock that is newer: in a container a process of the same host name may be out of our sight.
    here_before = holder.readable and holder.host == evidence.host and holder.at < evidence.alone_since
    if evidence.alone and here_before and not evidence.alive(holder.pid):
        return "it was taken on this host before this watcher began, and its process is gone"
    watchers = holder.readable and any(fnmatchcase(holder.host, pattern) for pattern in evidence.watcher_hosts)
    if watchers and age - evidence.ahead_s > evidence.run_limit_s + CLOCK_SLACK_S:
        return f"it was taken by a watcher's host ({holder.host}) longer ago than any run may last"
    if holder.key.endswith(_UNFINISHED) and evidence.alone and age > UNFINISHED_S:
        return "its file was never finished, as on a full disk"
    if not holder.readable and evidence.alone and age > evidence.run_limit_s + CLOCK_SLACK_S:
        return "its file is cut off and older than any run may last"
    return ""


def waiting(holders: Collection[Holder], now: float, run_limit_s: float, stack: str) -> str:
    """Whom we wait for, for the log: one line. Where no run of ours could last so long, also how to clear the lock."""
    who = ", ".join(
        f"{h.user}@{h.host} (pid {h.pid}), {max(0, int(now - h.at))} s old" if h.readable else f"unknown, file {h.key}"
        for h in holders
    )
    line = f"the stack is locked by {who or 'somebody'}"
    oldest = min((h.at for h in holders if h.at), default=now)
    if now - oldest <= run_limit_s + CLOCK_SLACK_S:
        return f"{line}; waiting (a person clears a dead lock with `pulumi cancel`)"
    since = f"{datetime.fromtimestamp(oldest, UTC):%Y-%m-%d %H:%M:%S} UTC"
    way_out = f"if nobody is at work there, clear it with `pulumi cancel --yes --stack {stack}`"
    return f"{line}, since {since}, longer than a run of a watcher may last: {way_out}"


def split(holders: Iterable[Holder], evidence: Evidence) -> tuple[list[tuple[Holder, str]], list[Holder]]:
    """The dead ones with their proofs, and those that we wait for."""
    dead, alive = [], []
    for holder in holders:
        why = proof(holder, evidence)
        if why:
            dead.append((holder, why))
        else:
            alive.append(holder)
    return dead, alive
