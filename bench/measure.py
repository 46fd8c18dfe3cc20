"""Runs a command and tells what it cost: wall seconds, CPU seconds and peak memory of its whole tree of processes.

Needs Linux: while a run lasts, orphans fall to this process (a "child subreaper"), which reaps them before it reads
the kernel's account of its ended children. A child that was here before is never touched.
"""

import contextlib
import ctypes
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

SAMPLE_S = 0.2
ORPHANS_MAY_TAKE_S = 10.0
LIMIT_S = 1800.0
OUTPUT_SHOWN = 2000
PR_SET_CHILD_SUBREAPER = 36
Processes = set[psutil.Process]
T = TypeVar("T")


class BenchError(Exception):
    """A measurement that can't be made or that did not do its work; the end of the output follows on its own lines."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(f"{reason}\n{output[-OUTPUT_SHOWN:]}".strip())


class Cost(NamedTuple):
    """Seconds, seconds, MiB; None where it was not measured."""

    wall_s: float
    cpu_s: float
    memory_mib: float | None = None


class Run(NamedTuple):
    """A command that ended well."""

    cost: Cost
    stdout: str
    stderr: str


def say(text: str) -> None:
    """A line for the person who waits."""
    sys.stderr.write(f"bench: {text}\n")


def timed(action: Callable[[], object]) -> Cost:
    """What this process itself spends on it."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(actions: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What they gave, by name. The first of each is left out: it compiles, opens connections, fills caches."""
    found: dict[str, list[T]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name in sorted(actions, reverse=number % 2 == 1):
            found[name].append(actions[name]())
    return {name: each[1:] for name, each in found.items()}


@contextlib.contextmanager
def adopting() -> Iterator[Processes]:
    """Orphans of our descendants become our children meanwhile. Gives the descendants that we have already.

    At its end every other one is killed.
    """
    prctl = ctypes.CDLL(None).prctl
    before = tree(set())
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield before
    finally:
        reap(before, 0)
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def tree(before: Processes) -> Processes:
    """All our descendants but those that were here before."""
    return set(psutil.Process().children(recursive=True)) - before


def memory_mib(process: psutil.Process) -> float:
    """Its memory, shared pages divided among their users; 0 if it is gone."""
    with contextlib.suppress(psutil.Error):
        return float(process.memory_full_info().pss) / 2**20
    return 0.0


def cpu_of_ended_children() -> float:
    """The seconds that all ended children, and theirs, have used since this process started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def kill(processes: Processes) -> None:
    """Those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def reap(before: Processes, patience_s: float) -> None:
    """Waits for the children that came since; kills what has not ended after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while left := set(psutil.Process().children()) - before:
        if time.monotonic() > deadline:
            kill(tree(before))
        psutil.wait_procs(list(left), timeout=0.01)


def _look_after(before: Processes, limit_s: float, done: threading.Event, sums: list[float]) -> None:
    """Adds the tree's memory up again and again, and kills all of it when its time is over."""
    deadline = time.monotonic() + limit_s
    over = False
    while not over:
        sums.append(sum(map(memory_mib, tree(before))))  # at once: a short run would be over before a first pause
        if time.monotonic() > deadline:
            kill(tree(before))
        over = done.wait(SAMPLE_S)


def run(what: str, command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], limit_s: float = LIMIT_S) -> Run:
    """Runs a command to its end, in a session of its own. Raises BenchError if it fails or takes too long.

    `what` names it in an error. Whatever it started is gone afterwards, also when this is interrupted.
    """
    done, sums = threading.Event(), [0.0]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, adopting() as before:
        used, started = cpu_of_ended_children(), time.perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        threading.Thread(target=_look_after, args=(before, limit_s, done, sums), daemon=True).start()
        try:
            child.wait()
        finally:
            wall_s = time.perf_counter() - started
            done.set()
            child.kill()
            child.wait()
        reap(before, ORPHANS_MAY_TAKE_S)
        cost = Cost(wall_s, cpu_of_ended_children() - used, max(sums))
        for file in (out, err):
            file.seek(0)
        stdout, stderr = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if child.returncode:
        end = f"did not end within {limit_s:g} s" if wall_s > limit_s else f"ended with exit code {child.returncode}"
        raise BenchError(f"{what}: {end}", stdout + stderr)
    return Run(cost, stdout, stderr)
