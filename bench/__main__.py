"""`python -m bench`: the command line of the benchmark, and the order in which it measures.

Within a round the systems take turns at each operation, so that a machine that gets slower hits all alike; every second
round has them in the reverse order.
"""

import argparse
import inspect
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.measure import BenchError, say
from bench.projects import Tools, find_tools
from bench.report import text
from bench.systems import NEEDS_A_JOB, OPERATIONS, SYSTEMS, measure, site
from bench.watching import repair, soak
from dev.agent import AgentFailed
from dev.say import ROOT
from dev.tools import version


def sizes(told: str) -> list[int]:
    """ "1000,8" as numbers of jobs, the small ones first."""
    return sorted({int(jobs) for jobs in told.split(",")})


def steps(count: int, rounds: int, names: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """(round, operation, system) of one size, in their order."""
    for number in range(1, rounds + 1):
        for operation in OPERATIONS:
            for name in names if number % 2 else reversed(names):
                if operation in SYSTEMS[name] and (count or operation not in NEEDS_A_JOB):
                    yield number, operation, name


def surroundings(tools: Tools) -> dict[str, Any]:
    """Where, when and what is measured. No name of a host or a person."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = psutil.virtual_memory().total // 2**20
    described = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{cpu and cpu[1]}, {os.cpu_count()} cores, {memory} MiB, {platform.platform()}",
        "python": f"{platform.python_version()}, SDK {metadata.version('pulumi')}",
        "commit": subprocess.run(described, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip(),
        "tools": {
            name: {"kind": "sandbox" if tool.sandbox else "real", "version": version([str(tool.path), "version"])}
            for name, tool in tools.items()
        },
    }


def everything(
    jobs: Sequence[int] = (0, 8, 100, 1000, 3000), rounds: int = 5, out: Path = Path("docs"), sandbox: bool = False
) -> int:
    """Measures and reports; what was measured is written, too, when it ends early. Raises BenchError."""
    tools = find_tools(sandbox)
    measurements: list[dict[str, Any]] = []
    report = {"complete": False, **surroundings(tools), "measurements": measurements}
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            for count in jobs:
                with site(Path(folder) / str(count), tools, count) as here:
                    for number, operation, name in steps(count, rounds, list(SYSTEMS)):
                        say(f"{count} jobs, round {number} of {rounds}: {name} {operation}")
                        for system, cost in measure(here, name, operation).items():
                            where = {"jobs": count, "round": number, "operation": operation, "system": system}
                            measurements.append({**where, **cost._asdict()})
        report["complete"] = True
    finally:
        if measurements:
            out.mkdir(parents=True, exist_ok=True)
            (out / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(text(report))
    return 0


# Each parameter of theirs is an option, with its default.
COMMANDS: dict[str, Callable[..., int]] = {"all": everything, "repair": repair, "soak": soak}


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 with one line that says why, 2 for wrong usage, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="see bench/README.md")
    commands = parser.add_subparsers(dest="command")
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__)
        for option, told in inspect.signature(function).parameters.items():
            flag = f"--{option.replace('_', '-')}"
            if told.default is False:
                command.add_argument(flag, action="store_true")
            else:
                kind = sizes if option == "jobs" else type(told.default)
                command.add_argument(flag, type=kind, default=told.default, help="[%(default)s]")
    named = arguments and (arguments[0] in COMMANDS or arguments[0] in ("-h", "--help"))
    given = vars(parser.parse_args(arguments if named else ["all", *arguments]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return COMMANDS[given.pop("command")](**given)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except (BenchError, AgentFailed, OSError) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
