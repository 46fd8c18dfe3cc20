"""`python -m bench start`: from the start of Python to the first resource, against a Pulumi program that is empty.

Each run is a process: `bench.start_once` runs a program under the SDK's mocks and tells when it registers its first
job, or ends. Both wait for the same interpreter and the same SDK.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.errors import BenchError
from bench.progress import Progress
from bench.projects import clean_environment, our_settings
from dev.say import ROOT

PROGRAMS = {"ours": str(ROOT / "__main__.py"), "empty": ""}


def once(name: str) -> float:
    """Seconds until the process says that it is there."""
    env = {**clean_environment(), **our_settings("http://127.0.0.1:1"), "PYTHONPATH": str(ROOT)}
    since = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.start_once", PROGRAMS[name]], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        took = time.perf_counter() - since
        if line.strip() != ("registers" if PROGRAMS[name] else "ends"):
            raise BenchError(f"start: {name} did not come to its first resource", process.stderr.read())
    return took


def command(arguments: Sequence[str]) -> int:
    """Measures in turns and tells minima, medians and their ratio. Raises BenchError."""
    parser = argparse.ArgumentParser(prog="python -m bench start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        raise BenchError("start: --rounds must be at least 1")
    progress = Progress(given.rounds)
    took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(given.rounds + 1):
        if number:
            progress.next("program start")
        for name in sorted(PROGRAMS, reverse=number % 2 == 1):
            seconds = once(name)
            if number:  # the first compiles
                took[name].append(seconds)
    progress.clear()
    for name, seconds_ in took.items():
        sys.stdout.write(f"{name}: minimum {min(seconds_):.3f} s, median {statistics.median(seconds_):.3f} s\n")
    ratios = [ours / empty for ours, empty in zip(took["ours"], took["empty"], strict=True)]
    sys.stdout.write(
        f"ours / empty: {statistics.median(ratios):.2f} (median of {given.rounds} pairs), "
        f"{min(took['ours']) / min(took['empty']):.2f} (minima)\n"
    )
    return 0
