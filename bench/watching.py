"""`bench repair` and `bench soak`: a watcher as a process, on a project of its own, with default settings.

repair: how long a drift lasts, from a person's change in Dkron until the watcher has undone it. soak: do its memory
and its files grow over many cycles, and what does it cost while nobody does anything.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO, NamedTuple

import psutil

from bench.measure import ORPHANS_MAY_TAKE_S, BenchError, adopting, cpu_of_ended_children, memory_mib, reap, say
from bench.projects import Tools, change_by_hand, find_tools, jobs_of, our_project, serving
from watcher.recovery.copies import KEPT

LIMIT_S = 300.0
REPAIR_LIMITS_S = {8: 5.0, 1000: 9.0}
LONGEST_PROBE_PAUSE_MS = 10_000
SETTLED = KEPT + 10  # cycles with a change, after which as many copies of the state are kept as ever
MAY_GROW = 1.05  # MiB of memory or disk; memory is the allocator's affair, too
Reading = dict[str, float]


class Watching(NamedTuple):
    """A running watcher, its Dkron, its folder and its log; `outcomes`: of the cycles that the log has told of."""

    server: str
    process: psutil.Popen
    root: Path
    log: BinaryIO
    outcomes: list[str]

    def cycles(self) -> list[str]:
        """The outcomes of its cycles so far. Raises BenchError if one didn't end well."""
        while (line := self.log.readline()).endswith(b"\n"):
            if b'"cycle.done"' in line:
                self.outcomes.append(json.loads(line)["outcome"])
                if self.outcomes[-1] not in ("unchanged", "changed"):
                    raise BenchError("watcher: a cycle did not end well", line.decode())
        self.log.seek(-len(line), os.SEEK_CUR)  # the beginning of a line
        return self.outcomes

    def wait(self, what: str, condition: Callable[[], Any]) -> None:
        """Raises BenchError if it takes too long, or if the watcher ends."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            if not self.process.is_running() or time.monotonic() > deadline:
                raise BenchError(f"watcher: {what}: not within {LIMIT_S:g} s")
            time.sleep(0.02)


@contextlib.contextmanager
def watching(tools: Tools, jobs: int, settings: Mapping[str, str]) -> Iterator[Watching]:
    """Starts a Dkron and a watcher for so many jobs, waits for its first cycle, and ends both at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, serving(tools, Path(folder) / "dkron") as server:
        root = Path(folder)
        project = our_project(root / "ours", tools, server, settings)
        (root / "tmp").mkdir()
        env = {**project.environment, "TMPDIR": str(root / "tmp"), "BENCH_JOBS": str(jobs)}
        command = [sys.executable, "-m", "watcher"]
        log = root / "watcher.log"
        with log.open("wb") as written, log.open("rb") as told:
            process = psutil.Popen(command, cwd=project.root, env=env, stdout=written, stderr=subprocess.STDOUT)
            try:
                watch = Watching(server, process, root, told, [])
                watch.wait("the first cycle", watch.cycles)
                yield watch
            finally:
                process.terminate()
                process.wait()


def repaired(watch: Watching, name: str) -> float:
    """Seconds until a job that was changed by hand is as declared again; returns when the cycle has ended."""
    declared, count = jobs_of(watch.server)[name]["displayname"], len(watch.cycles())
    change_by_hand(watch.server, name)
    since = time.monotonic()
    watch.wait("the repair", lambda: jobs_of(watch.server)[name]["displayname"] == declared)
    took = time.monotonic() - since
    watch.wait("the cycle's end", lambda: "changed" in watch.cycles()[count:])
    return took


def repair(jobs: Sequence[int] = (8, 1000), rounds: int = 20, probe_ms: int = 0, sandbox: bool = False) -> int:
    """How long a drift lasts, with the watcher's default settings; 1 if a limit is exceeded."""
    tools, exceeded = find_tools(sandbox), False
    settings = {"PROBE_INTERVAL_MS": str(probe_ms)} if probe_ms else {}
    for count in jobs:
        took = []
        with watching(tools, count, settings) as watch:
            for number in range(rounds):
                say(f"repair {number + 1} of {rounds}, {count} jobs")
                # Anywhere between two probes, as a person would.
                time.sleep(random.uniform(0, (probe_ms or LONGEST_PROBE_PAUSE_MS) / 1000))
                took.append(repaired(watch, f"bench-job-{number % count:05d}"))
        middle, most = median(took), REPAIR_LIMITS_S.get(count, LIMIT_S)
        exceeded |= middle > most
        sys.stdout.write(
            f"drift to repair, {count} jobs, {rounds} rounds: median {middle:.2f} s ({min(took):.2f} to "
            f"{max(took):.2f}), limit {most:g} s {'EXCEEDED' if middle > most else 'kept'}\n"
        )
    return int(exceeded)


def read(watch: Watching) -> Reading:
    """Memory (MiB), descriptors and threads of a watcher, its files and their MiB, when two looks find as many."""
    process, looks = watch.process, [(-1, -1)]

    def rests() -> bool:
        looks.append((process.num_fds(), process.num_threads()))
        return looks[-2] == looks[-1]

    watch.wait("rest between two cycles", rests)
    places = [watch.root / place for place in ("ours/.state", "ours/.home", "tmp")]
    sizes = [path.lstat().st_size for place in places for path in place.rglob("*") if not path.is_dir()]
    counts = {"descriptors": looks[-1][0], "threads": looks[-1][1], "files": len(sizes)}
    return {"memory": memory_mib(process), **counts, "disk": sum(sizes) / 2**20}


def grown(readings: Sequence[Reading]) -> tuple[Reading, Reading, list[str]]:
    """Medians of the first and of the last tenth, without the very first; and the names of what grew between them."""
    tenth = max(1, len(readings) // 10)
    parts = (readings[1 : tenth + 1] if len(readings) > 2 else readings[:1], readings[-tenth:])
    first, last = ({name: median(one[name] for one in part) for name in readings[0]} for part in parts)
    limits = {name: value * (MAY_GROW if name in ("memory", "disk") else 1) for name, value in first.items()}
    return first, last, [name for name in last if last[name] > limits[name]]


def many_cycles(tools: Tools, jobs: int, count: int, drift: bool, backend: str) -> list[str]:
    """`count` cycles, one after the other, and what they left; the names of what grew."""
    readings = []
    settings = {"RECONCILE_INTERVAL_MS": "86400000", "PROBE_INTERVAL_MS": "200" if drift else "0"}
    settings |= {"PULUMI_BACKEND_URL": backend} if backend else {}
    with watching(tools, jobs, settings) as watch:
        for number in range(1, count + 1):
            say(f"cycle {number} of {count}")
            if drift:
                repaired(watch, f"bench-job-{number % jobs:05d}")
            else:
                watch.process.send_signal(signal.SIGHUP)
                watch.wait("a cycle", lambda: len(watch.cycles()) > number)  # noqa: B023 - it is asked at once
            readings.append(read(watch))
    first, last, names = grown(readings[SETTLED if drift else 0 :] or readings)
    sys.stdout.write(
        f"{len(readings)} cycles {'with a drift each' if drift else 'without a change'}, {jobs} jobs\n"
        f"  first tenth: {first}\n  last tenth: {last}\n  grown: {', '.join(names) or 'nothing'}\n"
    )
    return names


def at_rest(tools: Tools, jobs: int, seconds: float) -> None:
    """Lets a watcher with default settings be, and tells the CPU time of its process and of all its runs."""
    with adopting(), watching(tools, jobs, {}) as watch:
        known = set(psutil.Process().children())

        def used() -> float:
            reap(known, ORPHANS_MAY_TAKE_S)
            return cpu_of_ended_children() + sum(watch.process.cpu_times()[:4])

        say(f"a watcher at rest for {seconds:g} s")
        count, start = len(watch.cycles()), used()
        time.sleep(seconds)
        spent, cycles = used() - start, len(watch.cycles()) - count
    hourly = f"{spent * 3600 / seconds:.0f} s of CPU an hour"
    sys.stdout.write(f"at rest for {seconds:g} s, {jobs} jobs, {cycles} cycles: {hourly}\n")


def soak(
    jobs: Sequence[int] = (8,),
    cycles: int = 500,
    rest: int = 600,
    drift: bool = False,
    backend: str = "",
    sandbox: bool = False,
) -> int:
    """What a watcher at rest costs, and what many cycles leave behind; 1 if something grew."""
    tools = find_tools(sandbox)
    if rest:
        at_rest(tools, jobs[0], rest)
    return int(bool(cycles and many_cycles(tools, jobs[0], cycles, drift, backend)))
