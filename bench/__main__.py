"""`python -m bench`: measures, and tells it as a table, as JSON and as a picture. `plot` and `table` redo those."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import repair, results, soak, start, table
from bench.errors import BenchError
from bench.machine import surroundings
from bench.measure import LINUX
from bench.options import Options, parse
from bench.results import Report
from bench.rounds import measure
from bench.servers import find_tools
from dev.say import ROOT

PLOT_ENVIRONMENT = ROOT / ".tools" / "bench"
INTERRUPTED = 130


def say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def plot(source: Path, target: Path, environment: Path = PLOT_ENVIRONMENT) -> bool:
    """Draws the picture in the environment that has matplotlib; False, and a line that says why, where it can't."""
    python = environment / "bin" / "python"
    if not python.exists():
        say(f"no picture, because matplotlib is not there: `make bench` puts it into {environment.relative_to(ROOT)}/")
        return False
    env = {**os.environ, "MPLCONFIGDIR": str(environment / "matplotlib")}
    command: list[str | Path] = [python, "-m", "bench.plot", source.absolute(), target.absolute()]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"no picture, because drawing it failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.returncode == 0


def run(options: Options) -> int:
    """Measures and reports. Raises BenchError."""
    tools = find_tools(options.sandbox)
    described = tools.described()
    for name, tool in described.items():
        say(f"{name}: {'the sandbox stand-in' if tool['kind'] == 'sandbox' else 'the real one'}, {tool['version']}")
    if not LINUX:
        say("CPU time and memory of a process tree can only be measured on Linux: wall time only")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"--out: cannot make {options.out}: {error.strerror}") from None
    settings = {"cli_logs": options.cli_logs}
    report = Report({**surroundings(datetime.now(UTC)), "tools": described, "settings": settings})
    file = options.out / "bench.json"

    def save() -> None:
        if report.measurements:
            report.write(file)

    try:
        measure(options, tools, report, save)
        report.complete = True
    except KeyboardInterrupt:
        count = len(report.measurements)
        say(
            f"interrupted; what was measured until then, {count} measurements, is in {file}" if count else "interrupted"
        )
        return INTERRUPTED
    finally:
        save()
    sys.stdout.write(table.text(report))
    sys.stdout.flush()
    plot(file, options.out / "bench.svg")
    return 0


def plot_command(arguments: Sequence[str]) -> int:
    """`plot JSON SVG`."""
    if len(arguments) != 2:
        raise BenchError("usage: python -m bench plot docs/bench.json docs/bench.svg")
    results.read(Path(arguments[0]))
    return 0 if plot(Path(arguments[0]), Path(arguments[1])) else 1


def table_command(arguments: Sequence[str]) -> int:
    """`table JSON`."""
    if len(arguments) != 1:
        raise BenchError("usage: python -m bench table docs/bench.json")
    sys.stdout.write(table.text(results.read(Path(arguments[0]))))
    return 0


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "plot": plot_command,
    "table": table_command,
    "repair": repair.command,
    "soak": soak.command,
    "start": start.command,
}


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    """The first ends the benchmark; a second must not interrupt its tidying up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 with one line that says why, 2 for wrong usage, 130 after Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    command = COMMANDS.get(arguments[0]) if arguments else None
    try:
        return command(arguments[1:]) if command else run(parse(arguments, list(COMMANDS)))
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BenchError as error:
        say(error.reason)
        if error.tail:
            sys.stderr.write(f"{error.tail}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
