"""`python -m bench soak`: many cycles of the watcher with nothing to do. Does its memory, do its files grow?

Growth is judged between the first tenth of the cycles, in which caches fill, and the last, by medians.
"""

import argparse
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from bench.errors import BenchError
from bench.measure import LINUX, PROC, memory_kib
from bench.progress import Progress
from bench.servers import find_tools
from bench.watching import Watching, watching

# What may be more at the end: memory is the allocator's affair, too; the CLI keeps up to fifty of each kind of file.
MEMORY_MAY_GROW = 1.05


@dataclass(frozen=True, slots=True)
class Reading:
    """The watcher's process between two cycles: KiB, open descriptors, threads; files in state, home and TMPDIR."""

    memory: float
    descriptors: float
    threads: float
    files: float


def read(watch: Watching) -> Reading:
    folder = PROC / str(watch.process.pid)
    places = (watch.project.root / ".state", watch.project.root / ".home", watch.temporary)
    return Reading(
        memory_kib(watch.process.pid),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
        sum(_count(place) for place in places),
    )


def settled(watch: Watching) -> Reading:
    """A reading of a watcher that rests: two in a row with as many descriptors and threads. Raises BenchError."""
    before = read(watch)
    for _ in range(100):
        time.sleep(0.05)
        now = read(watch)
        if (now.descriptors, now.threads) == (before.descriptors, before.threads):
            return now
        before = now
    raise BenchError("soak: the watcher did not come to rest between two cycles")


def _count(place: Path) -> int:
    return sum(1 for path in place.rglob("*") if not path.is_dir())


def grown(readings: Sequence[Reading]) -> tuple[Reading, Reading, list[str]]:
    """Medians of the first and of the last tenth, without the very first; and the names of what grew between them."""
    tenth = max(1, len(readings) // 10)
    first, last = (
        Reading(*(statistics.median(column) for column in zip(*map(astuple, part), strict=True)))
        for part in (readings[1 : tenth + 1] if len(readings) > 2 else readings[:1], readings[-tenth:])
    )
    names = [field.name for field in fields(Reading)]
    limits = {"memory": MEMORY_MAY_GROW}
    pairs = zip(names, astuple(first), astuple(last), strict=True)
    return first, last, [name for name, before, after in pairs if after > before * limits.get(name, 1.0)]


def command(arguments: Sequence[str]) -> int:
    """Measures and tells; 1 if something grew. Raises BenchError."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--sandbox", action="store_true")
    given = parser.parse_args(arguments)
    if given.cycles < 2 or given.jobs < 1:
        raise BenchError("soak: --cycles must be at least 2 and --jobs at least 1")
    if not LINUX:
        raise BenchError("soak: it reads the process under /proc, which only Linux has")
    tools = find_tools(given.sandbox)
    progress, readings = Progress(given.cycles), []
    # No cycle comes by itself: each is called for, and between two the watcher rests and can be read.
    with watching(tools, given.jobs, {"RECONCILE_INTERVAL_MS": "86400000", "PROBE_INTERVAL_MS": "0"}) as watch:
        watch.after(1)
        for number in range(given.cycles):
            progress.next("cycle")
            watch.process.send_signal(signal.SIGHUP)
            if watch.after(2 + number)["outcome"] != "unchanged":
                raise BenchError("soak: a cycle changed something", watch.log.read_text()[-4000:])
            readings.append(settled(watch))
    progress.clear()
    first, last, names = grown(readings)
    kinds = ", ".join(f"{name} {tool['kind']} {tool['version']}" for name, tool in tools.described().items())
    sys.stdout.write(f"{given.cycles} cycles without a change, {given.jobs} jobs ({kinds})\n")
    for told, reading in (("first tenth", first), ("last tenth", last)):
        sys.stdout.write(
            f"  {told}: {reading.memory / 1024:.1f} MiB, {reading.descriptors:g} descriptors, "
            f"{reading.threads:g} threads, {reading.files:g} files\n"
        )
    sys.stdout.write(f"  grown: {', '.join(names) or 'nothing'}\n")
    return 1 if names else 0
