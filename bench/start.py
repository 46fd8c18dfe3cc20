"""`bench start`: from the start of Python to a program's first resource, beside a Pulumi program that is empty.

`python bench/start.py [PROGRAM]` is one run of that, under the SDK's mocks. It imports nothing of the benchmark, which
would count.
"""

import asyncio
import functools
import logging
import os
import runpy
import sys
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent
PROGRAMS: dict[str, list[Path]] = {"ours": [ROOT / "__main__.py"], "empty": []}


def start(rounds: int) -> int:
    """How long the program takes to its first resource, and an empty one."""
    from bench.measure import in_turns, run
    from bench.projects import clean_environment, our_settings
    from bench.report import ratio, summary

    env = {**clean_environment(), **our_settings("http://127.0.0.1:1"), "PYTHONPATH": str(ROOT)}
    commands = {name: [sys.executable, __file__, *map(str, program)] for name, program in PROGRAMS.items()}
    runs = {name: functools.partial(run, f"start: {name}", command, ROOT, env) for name, command in commands.items()}
    took = {name: dict(enumerate(done.cost.wall_s for done in each)) for name, each in in_turns(runs, rounds).items()}
    for name, seconds in took.items():
        sys.stdout.write(f"{name}: {summary(seconds)} s\n")
    sys.stdout.write(f"ours / empty: {ratio(took['ours'], took['empty'])}, {rounds} pairs: median (minimum)\n")
    return 0


def run_to_the_first_resource() -> NoReturn:
    """Ends this process there, or, without a program, where it would begin."""
    from pulumi.runtime import configure
    from pulumi.runtime.mocks import MockEngine, MockMonitor, Mocks, MockSettings
    from pulumi.runtime.stack import run_in_stack

    class UpToTheFirst(Mocks):
        def call(self, args: Any) -> NoReturn:
            raise NotImplementedError(args)

        def new_resource(self, args: Any) -> NoReturn:  # noqa: ARG002 - the SDK names it
            os._exit(0)

    def program() -> None:
        if len(sys.argv) < 2:
            os._exit(0)
        runpy.run_path(sys.argv[1], run_name="__main__")

    settings = MockSettings(  # type: ignore[no-untyped-call]
        monitor=MockMonitor(UpToTheFirst()),
        monitor_features=set(),
        engine=MockEngine(logging.Logger("engine")),
        project="dkron-jobs",
        stack="bench",
        dry_run=False,
        organization=None,
        callbacks=None,
    )
    configure(settings)
    asyncio.run(run_in_stack(program))
    sys.exit("the program registered no resource")


if __name__ == "__main__":
    run_to_the_first_resource()
