"""Runs a command and tells what it cost: wall seconds, CPU seconds and peak memory of its whole tree of processes.

CPU time is exact on Linux: while a run lasts, orphans fall to this process (a "child subreaper"), which reaps them
before it reads the kernel's account of its ended children. A child that was here before is never touched.
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

SAMPLE_S = 0.1
SAMPLER_SHARE = 0.1  # of the time: where reading takes long, it is done less often
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


@contextlib.contextmanager
def timed() -> Iterator[Callable[[], Cost]]:
    """What this process itself spends in the block."""
    wall, cpu = time.perf_counter(), time.process_time()
    costs: list[Cost] = []
    yield lambda: costs[0]
    costs.append(Cost(time.perf_counter() - wall, time.process_time() - cpu))


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
    prctl = ctypes.CDLL(None).prctl if psutil.LINUX else lambda *_: 0
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
    """Its memory, shared pages divided among their users where the system tells that; 0 if it is gone."""
    try:
        used = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(used, "pss", used.uss)) / 2**20


def cpu_of_ended_children() -> float:
    """The seconds that all ended children, and theirs, have used since this process started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def reap(before: Processes, patience_s: float) -> None:
    """Waits for the children that came since; kills what has not ended after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while left := set(psutil.Process().children()) - before:
        for process in tree(before) if time.monotonic() > deadline else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(list(left), timeout=0.01)


def _sample(before: Processes, done: threading.Event, sums: list[float]) -> None:
    """Adds the tree's memory up again and again."""
    while not done.is_set():
        started = time.monotonic()
        sums.append(sum(map(memory_mib, tree(before))))
        done.wait(max(SAMPLE_S, (time.monotonic() - started) / SAMPLER_SHARE))


def run(what: str, command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], limit_s: float = LIMIT_S) -> Run:
    """Runs a command to its end, in a session of its own. Raises BenchError if it fails or takes too long.

    `what` names it in an error. Whatever it started is gone afterwards, also when this is interrupted.
    """
    done, sums, patience_s, code = threading.Event(), [0.0], 0.0, None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, adopting() as before:
        used, started = cpu_of_ended_children(), time.perf_counter()
        child = psutil.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        threading.Thread(target=_sample, args=(before, done, sums), daemon=True).start()
        try:
            with contextlib.suppress(psutil.TimeoutExpired):
                code = child.wait(limit_s)
                patience_s = ORPHANS_MAY_TAKE_S
        finally:
            wall_s = time.perf_counter() - started
            done.set()
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
            child.wait()
            reap(before, patience_s)
        cost = Cost(wall_s, cpu_of_ended_children() - used, max(sums))
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if code != 0:
        end = f"did not end within {limit_s:g} s" if code is None else f"ended with exit code {code}"
        raise BenchError(f"{what}: {end}", stdout + stderr)
    return Run(cost, stdout, stderr)
