"""Which processes belong to one `pulumi` run, and how to end them all. Reads /proc and sends signals; starts nothing.

Pulumi's children leave its process group but not its session, and an orphaned provider goes on writing to Dkron. So a
run is known by its session, and by a token in the environment that every descendant inherits: the token still names
them when the watcher that started them is dead.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

TOKEN = "DKRON_JOBS_RUN"  # noqa: S105 - the name of a variable
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One live process of ours."""

    pid: int
    session: int
    token: str


def session_of(stat: str) -> tuple[int, str]:
    """(session id, state letter) from the text of /proc/PID/stat; the command in it may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[3]), fields[0]


def _read(pid: int) -> Process | None:
    try:
        session, state = session_of((PROC / str(pid) / "stat").read_text())
        if state in "ZX":
            return None
        environ = (PROC / str(pid) / "environ").read_bytes()
    except (OSError, ValueError, IndexError):
        return None  # gone meanwhile, or not ours to read
    token = next((v[len(TOKEN) + 1 :] for v in environ.split(b"\0") if v.startswith(TOKEN.encode() + b"=")), b"")
    return Process(pid, session, token.decode("ascii", "replace"))


def alive() -> list[Process]:
    """Every process that this user may look into, without zombies and without ourselves."""
    try:
        pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return []
    return [p for p in map(_read, pids) if p is not None and p.pid != os.getpid()]


def of_run(token: str, session: int | None = None) -> list[int]:
    """The pids of one run, by its token, or by its session while its leader is our own unreaped child."""
    return [p.pid for p in alive() if (token and p.token == token) or (session is not None and p.session == session)]


def send(pids: list[int], signum: int = signal.SIGKILL) -> None:
    """Signals each; one that is gone meanwhile is what was wanted."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except (ProcessLookupError, PermissionError):
            continue


def end_run(token: str, session: int | None = None, rounds: int = 20) -> bool:
    """Kills a run's processes, and those that they started meanwhile. True if none is left."""
    for _ in range(rounds):
        pids = of_run(token, session)
        if not pids:
            return True
        send(pids)
        for pid in pids:
            _await_end(pid)
    return not of_run(token, session)


def _await_end(pid: int) -> None:
    """Waits until a killed process is gone, one second at most."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        import select

        poller = select.poll()
        poller.register(handle, select.POLLIN)
        poller.poll(1000)
    finally:
        os.close(handle)
