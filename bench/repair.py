"""`python -m bench repair`: how long a drift lasts, from a person's change in Dkron until the watcher has undone it."""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence

from bench.errors import BenchError
from bench.progress import Progress
from bench.servers import find_tools
from bench.watching import POLL_S, Watching, watching

LIMIT_S = 120.0


def repaired(watch: Watching, jobs: int, number: int) -> float:
    """Seconds until a job that was changed by hand is as declared again."""
    name = f"bench-job-{number % jobs:05d}"
    declared = watch.server.jobs()[name]["displayname"]
    watch.server.change_by_hand(name, f"changed by hand, {number}")
    since = time.monotonic()
    while watch.server.jobs()[name]["displayname"] != declared:
        if time.monotonic() - since > LIMIT_S:
            raise BenchError(f"repair: {name} was still changed after {LIMIT_S:g} s", watch.log.read_text()[-4000:])
        time.sleep(POLL_S)
    return time.monotonic() - since


def command(arguments: Sequence[str]) -> int:
    """Measures and tells minimum, median and maximum. Raises BenchError."""
    parser = argparse.ArgumentParser(prog="python -m bench repair", description=__doc__)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--probe-ms", type=int, default=1000, help="PROBE_INTERVAL_MS of the watcher [1000]")
    parser.add_argument("--sandbox", action="store_true")
    given = parser.parse_args(arguments)
    if min(given.jobs, given.rounds, given.probe_ms) < 1:
        raise BenchError("repair: --jobs, --rounds and --probe-ms must be at least 1")
    tools = find_tools(given.sandbox)
    progress, took = Progress(given.rounds), []
    settings = {"PROBE_INTERVAL_MS": str(given.probe_ms), "RECONCILE_INTERVAL_MS": "86400000"}
    with watching(tools, given.jobs, settings) as watch:
        watch.after(1)
        for number in range(given.rounds):
            progress.next(f"repair of 1 of {given.jobs} jobs")
            # Anywhere between two probes, as a person would.
            time.sleep(random.uniform(0, given.probe_ms / 1000))
            took.append(repaired(watch, given.jobs, number))
            watch.after(2 + number)
    progress.clear()
    kinds = ", ".join(f"{name} {tool['kind']} {tool['version']}" for name, tool in tools.described().items())
    sys.stdout.write(
        f"drift to repair, {given.jobs} jobs, a probe each {given.probe_ms} ms, {given.rounds} rounds ({kinds}): "
        f"minimum {min(took):.2f} s, median {statistics.median(took):.2f} s, maximum {max(took):.2f} s\n"
    )
    return 0
