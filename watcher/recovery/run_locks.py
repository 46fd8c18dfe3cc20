"""Proof that another watcher is dead: two file locks beside the state, and a record of the runs that we started.

`watcher.lock` is held for a watcher's life. `run.lock` is inherited by every `pulumi` and its children, so whoever
gets hold of it knows that no process of any earlier run is left. The kernel lets go of both when their holders die.
The record tells our own dead runs' Pulumi locks from a person's. Nothing here touches Pulumi's locks.
"""

import fcntl
import json
import math
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from watcher.clock import Clock
from watcher.own_files import make_directory, open_to_lock, read_file, replace_file
from watcher.pulumi import processes

KEPT = 50


@dataclass(frozen=True, slots=True)
class Run:
    """A `pulumi` that we started. `pid` is None while it was just being started."""

    token: str
    host: str
    pid: int | None
    started: float


class Busy(Exception):
    """Another watcher, or what is left of its run, holds the lock. The text says who."""


class RunLocks:
    """The two locks and the record of one stack, in `directory`. Raises OSError where nothing can be written."""

    def __init__(self, directory: Path, name: str, clock: Clock) -> None:
        self.directory, self.clock = directory, clock
        self.host = socket.gethostname()
        self._watcher_path = directory / f".watcher-{name}.lock"
        self._run_path = directory / f".watcher-{name}.run.lock"
        self._record_path = directory / f".watcher-{name}.runs.json"
        self._watcher: int | None = None
        self._run: int | None = None
        self.held_since = math.inf

    @property
    def held(self) -> bool:
        return self._watcher is not None and self._run is not None

    @property
    def alone(self) -> bool:
        """Whether no other watcher lives; a run of a dead one may."""
        return self._watcher is not None

    @property
    def inherited(self) -> tuple[int, ...]:
        """What every `pulumi` must inherit."""
        return () if self._run is None else (self._run,)

    def acquire(self) -> int:
        """Takes both locks, ending what a dead watcher left running. Returns how many processes that were.

        Raises Busy, OSError.
        """
        if self.held:
            return 0
        make_directory(self.directory)
        if self._watcher is None:
            self._watcher = self._lock(self._watcher_path, "another watcher works on this stack")
            self._sign(self._watcher)
        ended = self._end_leftovers()
        self._run = self._lock(self._run_path, "a run of an earlier watcher is still alive")
        self.held_since = self.clock.now()
        return ended

    def release(self) -> None:
        for handle in (self._run, self._watcher):
            if handle is not None:
                os.close(handle)
        self._run = self._watcher = None

    def _lock(self, path: Path, complaint: str) -> int:
        handle = open_to_lock(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 500).decode("utf-8", "replace").strip()
            os.close(handle)
            raise Busy(f"{complaint}{f' ({holder})' if holder else ''}; waiting for it") from None
        except OSError:
            os.close(handle)
            raise
        return handle

    def _sign(self, handle: int) -> None:
        """Says who holds the lock, for people; the lock itself is the kernel's."""
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"pid {os.getpid()} on {self.host}".encode(), 0)
        except OSError:  # a full disk must not stop what needs no disk
            return

    def _end_leftovers(self) -> int:
        return processes.end_runs({run.token for run in self.record()})

    # -- the record

    def record(self) -> tuple[Run, ...]:
        """The runs that may have left a lock, oldest first; a record that can't be read proves nothing."""
        try:
            rows = json.loads(read_file(self._record_path))
            return tuple(Run(str(r["token"]), str(r["host"]), r["pid"], float(r["started"])) for r in rows)
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def note(self, token: str, pid: int | None) -> None:
        """Records a run, before it starts and again when its pid is known. A full disk is no reason not to run."""
        runs = [r for r in self.record() if r.token != token]
        runs.append(Run(token, self.host, pid, self.clock.now()))
        try:
            replace_file(self._record_path, json.dumps([asdict(r) for r in runs[-KEPT:]]))
        except OSError:
            return
