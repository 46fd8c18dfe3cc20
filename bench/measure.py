"""Runs a command and tells what it cost: wall seconds, CPU seconds and peak memory of its whole tree of processes.

CPU is exact: while a run lasts, this process is the one to which its orphans fall (a "child subreaper"), and it reaps
them all before it reads the kernel's account of its ended children. A child that was here before is never touched.
Both need Linux; elsewhere only wall seconds are told.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.errors import BenchError

LINUX = sys.platform.startswith("linux")
PROC = Path("/proc")
SAMPLE_S = 0.1
SAMPLER_SHARE = 0.05  # of the time: where reading takes long, it is done less often
ORPHANS_MAY_TAKE_S = 10.0
LIMIT_S = 1800.0
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, seconds, MiB; None where it was not measured."""

    wall_s: float
    cpu_s: float | None = None
    memory_mib: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A command that ended by itself."""

    cost: Cost
    code: int
    stdout: str
    stderr: str


def parents() -> dict[int, int]:
    """pid -> parent's pid of every process, zombies too. Empty without /proc."""
    found: dict[int, int] = {}
    for entry in os.scandir(PROC) if LINUX else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (PROC / entry.name / "stat").read_text(encoding="utf-8", errors="replace")
                found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def children() -> set[int]:
    """Our own children."""
    here = os.getpid()
    return {pid for pid, parent in parents().items() if parent == here}


def tree(before: set[int]) -> list[int]:
    """The children that we didn't have before, and all that descends from them."""
    below: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        below.setdefault(parent, []).append(pid)
    found = [pid for pid in below.get(os.getpid(), []) if pid not in before]
    for pid in found:
        found.extend(below.get(pid, []))
    return found


def memory_kib(pid: int) -> int:
    """The process's memory, shared pages divided among their users; plain RSS where that can't be read; 0 if gone."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0


class _Sampler(threading.Thread):
    """Adds the tree's memory up again and again, and keeps the largest sum."""

    def __init__(self, before: set[int]) -> None:
        super().__init__(daemon=True)
        self.before, self.peak_kib = before, 0
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.is_set():
            started = time.monotonic()
            self.peak_kib = max(self.peak_kib, sum(map(memory_kib, tree(self.before))))
            spent = time.monotonic() - started
            self._done.wait(max(SAMPLE_S, spent / SAMPLER_SHARE))

    def stop(self) -> float:
        """The peak in MiB."""
        self._done.set()
        self.join()
        return self.peak_kib / 1024


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Orphans of our descendants become our children meanwhile."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if LINUX else lambda *_: 0
    if prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise BenchError("this kernel lets no process adopt orphans, so CPU time can't be measured")
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap_orphans(before: set[int], patience_s: float) -> None:
    """Reaps the children that came since; kills what has not ended after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while left := children() - before:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            for pid in tree(before):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if children() - before:
            time.sleep(0.01)


def run(
    command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], limit_s: float = LIMIT_S, what: str = ""
) -> Run:
    """Runs a command to its end, in a session of its own. Raises BenchError if it can't be started or takes too long.

    Whatever it started is gone afterwards, also when this is interrupted.
    """
    what = what or Path(command[0]).name
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _adopting():
        before, used = children(), _cpu_of_children()
        started = time.perf_counter()
        try:
            child = subprocess.Popen(
                [str(part) for part in command], cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=out,
                stderr=err, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise BenchError(f"{what}: cannot start {command[0]}: {error.strerror or error}") from None
        sampler = _Sampler(before)
        late = threading.Timer(limit_s, child.kill)
        late.daemon = True
        patience_s = 0.0
        try:
            sampler.start()
            late.start()
            child.wait()
            wall_s = time.perf_counter() - started
            patience_s = ORPHANS_MAY_TAKE_S
        finally:
            child.kill()  # does nothing to a child that has been waited for
            child.wait()
            late.cancel()
            peak = sampler.stop() if sampler.ident is not None else 0.0
            _reap_orphans(before, patience_s)
        cost = Cost(wall_s, _cpu_of_children() - used, peak) if LINUX else Cost(wall_s)
        texts = [_text(out), _text(err)]
    if wall_s >= limit_s:
        raise BenchError(f"{what}: did not end within {limit_s:g} s", "\n".join(texts))
    return Run(cost, child.returncode, texts[0], texts[1])


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
