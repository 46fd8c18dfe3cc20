"""`python -m bench`: the command line of the benchmark, and the order in which it measures.

Within a round the systems take turns at each operation, so that a machine that gets slower hits all alike; every second
round has them in the reverse order.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.measure import BenchError, say
from bench.projects import Tools, find_tools, serving
from bench.report import Report, text
from bench.start import start
from bench.systems import NEEDS_A_JOB, OPERATIONS, SYSTEMS, Site
from bench.watching import repair, soak
from dev.say import ROOT

INTERRUPTED = 130


def sizes(told: str) -> list[int]:
    """ "1000,8" as numbers of jobs, the small ones first."""
    return sorted({int(jobs) for jobs in told.split(",")})


def steps(count: int, rounds: int, names: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """(round, operation, system) of one size, in their order."""
    for number in range(1, rounds + 1):
        for operation in OPERATIONS:
            for name in names if number % 2 else reversed(names):
                if operation in SYSTEMS[name].operations and (count or operation not in NEEDS_A_JOB):
                    yield number, operation, name


def measure(site: Site, rounds: int, add: Callable[..., None]) -> None:
    """All of one size. Raises BenchError. Leaves no process behind."""
    with ExitStack() as stack:
        measured = {}
        for name, kind in SYSTEMS.items():
            server = stack.enter_context(serving(site.tools, site.folder / f"{name}-dkron"))
            measured[name] = kind(site, server)
        for number, operation, name in steps(site.count, rounds, list(SYSTEMS)):
            say(f"{site.count} jobs, round {number} of {rounds}: {name} {operation}")
            for system, (cost, samples) in measured[name].measure(operation).items():
                add((site.count, number, operation, system), cost, samples)


def surroundings(tools: Tools) -> dict[str, Any]:
    """Where, when and what is measured. No name of a host or a person."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.machine(),
            "cores": os.cpu_count(),
            "memory_mib": psutil.virtual_memory().total // 2**20,
            "kernel": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
        },
        "commit": git("rev-parse", "HEAD") or "unknown",
        "changed_since": bool(git("status", "--porcelain", "--untracked-files=no")),
        "sdk": {name: metadata.version(name) for name in ("pulumi", "requests")},
        "tools": tools.described(),
    }


def everything(jobs: Sequence[int], rounds: int, out: Path, sandbox: bool) -> int:
    """Measures and reports; what was measured is written, too, when it ends early. Raises BenchError."""
    tools = find_tools(sandbox)
    report = Report(surroundings(tools))
    hour = (datetime.now(UTC).hour + 12) % 24  # the jobs are due half a day away
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            for count in jobs:
                measure(Site(Path(folder) / str(count), tools, count, hour), rounds, report.add)
        report.complete = True
    finally:
        if report.measurements:
            out.mkdir(parents=True, exist_ok=True)
            report.write(out / "bench.json")
    plot(out)
    sys.stdout.write(text(report))
    return 0


def plot(out: Path) -> int:
    """Draws `out`/bench.svg in the environment that has matplotlib; 1 where that isn't there."""
    python = ROOT / ".tools" / "bench" / "bin" / "python"
    if not python.exists():
        say("no picture, because matplotlib is not there: `make bench` puts it into .tools/bench/")
        return 1
    command = [python, ROOT / "bench" / "plot.py", out / "bench.json", out / "bench.svg"]
    return subprocess.run([str(part) for part in command], check=False).returncode


COMMANDS: dict[str, Callable[..., int]] = {
    "all": everything,
    "plot": plot,
    "repair": repair,
    "soak": soak,
    "start": start,
}
OPTIONS: dict[str, dict[str, Any]] = {  # with their defaults
    "all": {"jobs": [0, 8, 100, 1000, 3000], "rounds": 5, "out": Path("docs"), "sandbox": False},
    "plot": {"out": Path("docs")},
    "repair": {"jobs": [8, 1000], "rounds": 20, "probe-ms": 0, "sandbox": False},
    "soak": {"jobs": [8], "cycles": 500, "rest": 600, "sandbox": False},
    "start": {"rounds": 30},
}


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 with one line that says why, 2 for wrong usage, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="see bench/README.md")
    commands = parser.add_subparsers(dest="command")
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__)
        for option, default in OPTIONS[name].items():
            if default is False:
                command.add_argument(f"--{option}", action="store_true")
            else:
                kind = sizes if option == "jobs" else type(default)
                command.add_argument(f"--{option}", type=kind, default=default, help="[%(default)s]")
    named = arguments and (arguments[0] in COMMANDS or arguments[0] in ("-h", "--help"))
    given = vars(parser.parse_args(arguments if named else ["all", *arguments]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return COMMANDS[given.pop("command")](**given)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except (BenchError, OSError) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
