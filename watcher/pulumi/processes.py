"""Which processes belong to `pulumi` runs, and how to end them all. Starts nothing.

Pulumi's children leave its process group but not its session, and an orphaned provider goes on writing to Dkron. So a
run is known by its session, and by a token in the environment that every descendant inherits: the token still names
them when the watcher that started them is dead.
"""

import os
import select
import signal
from collections.abc import Collection, Iterable
from contextlib import suppress

import psutil

TOKEN = "DKRON_JOBS_RUN"  # noqa: S105 - the name of a variable


def of_runs(tokens: Collection[str], session: int | None = None) -> list[int]:
    """The pids of some runs, by their tokens, or by a session while its leader is our own unreaped child.

    One look at all processes that this user may look into, without zombies and without ourselves.
    """
    return [p.pid for p in psutil.process_iter() if p.pid != os.getpid() and _belongs(p, tokens, session)]


def _belongs(process: psutil.Process, tokens: Collection[str], session: int | None) -> bool:
    with suppress(psutil.Error, OSError):
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        if session is not None and os.getsid(process.pid) == session:
            return True
        return process.environ().get(TOKEN) in tokens
    return False  # gone meanwhile, or not ours to read


def send(pids: Iterable[int], signum: int = signal.SIGKILL) -> None:
    """Signals each; one that is gone meanwhile is what was wanted."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def end_runs(tokens: Collection[str], session: int | None = None, rounds: int = 5) -> int:
    """Kills the processes of runs, and those that they started meanwhile. Returns how many there were at first."""
    first = pids = of_runs(tokens, session)
    for _ in range(rounds):
        if not pids:
            break
        send(pids)
        for pid in pids:
            _await_end(pid, 1000 // len(pids))
        pids = of_runs(tokens, session)
    return len(first)


def alive(pid: int) -> bool:
    """Whether a process of this number is there."""
    return bool(psutil.pid_exists(pid))


def _await_end(pid: int, most_ms: int) -> None:
    """Waits until a killed process is gone, so long at most. psutil's own waiting would reap our child."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        poller.poll(most_ms)
    finally:
        os.close(handle)
