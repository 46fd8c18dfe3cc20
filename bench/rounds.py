"""The measurement itself: sizes, rounds, operations, systems. Within a round the systems take turns at each operation,
so that a machine that gets slower hits all alike; every second round has them in the reverse order."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.options import Options
from bench.others import Reconciler, Wire
from bench.programs import Floor, Ours
from bench.progress import Progress
from bench.results import Report
from bench.servers import Tools
from bench.site import OPERATIONS, Site, System, quiet_hour

SYSTEMS: dict[str, type[System]] = {kind.name: kind for kind in (Ours, Floor, Reconciler, Wire)}


class Step(NamedTuple):
    """One measurement."""

    round: int
    operation: str
    system: str


def steps(count: int, rounds: int, systems: Sequence[str]) -> Iterator[Step]:
    """All measurements of one size, in their order."""
    for number in range(1, rounds + 1):
        for operation in OPERATIONS:
            for name in systems if number % 2 else reversed(systems):
                if SYSTEMS[name].can(operation, count):
                    yield Step(number, operation, name)


def measure(options: Options, tools: Tools, report: Report, save: Callable[[], None]) -> None:
    """Adds to the report; calls `save` after each round. Raises BenchError. Leaves no process and no folder behind."""
    plan = {size: list(steps(size, options.rounds[size], options.systems)) for size in options.sizes}
    progress = Progress(sum(map(len, plan.values())))
    hour = quiet_hour(datetime.now(UTC))
    with ExitStack() as all_sizes:
        all_sizes.callback(progress.clear)
        base = Path(all_sizes.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        for size, todo in plan.items():
            with ExitStack() as one_size:
                site = Site(base / str(size), base / "templates", tools, size, hour, options.cli_logs)
                site.folder.mkdir()
                one_size.callback(site.close)
                systems = {name: SYSTEMS[name](site) for name in options.systems}
                for step, following in zip(todo, [*todo[1:], None], strict=True):
                    where = f"{size} jobs, round {step.round} of {options.rounds[size]}"
                    progress.next(f"{where}: {step.system} {step.operation}")
                    for name, (cost, samples) in systems[step.system].measure(step.operation).items():
                        report.add(size, step.round, step.operation, name, cost, samples)
                    if following is None or following.round != step.round:
                        save()
