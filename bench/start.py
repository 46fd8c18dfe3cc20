"""`bench start`: from the start of Python to a program's first resource, beside a Pulumi program that is empty.

`python bench/start.py [PROGRAM]` is one run of that, under the SDK's mocks. It imports nothing of the benchmark, which
would count.
"""

import asyncio
import functools
import os
import runpy
import sys
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent
PROGRAMS: dict[str, list[Path]] = {"ours": [ROOT / "__main__.py"], "empty": []}


def start(rounds: int = 30) -> int:
    """How long the program takes to its first resource, and an empty one."""
    from bench.measure import in_turns, run
    from bench.projects import clean_environment, our_settings
    from bench.report import summary

    env = {**clean_environment(), **our_settings("http://127.0.0.1:1"), "PYTHONPATH": str(ROOT)}
    commands = {name: [sys.executable, __file__, *map(str, program)] for name, program in PROGRAMS.items()}
    runs = {name: functools.partial(run, f"start: {name}", command, ROOT, env) for name, command in commands.items()}
    took = {name: [done.cost.wall_s for done in each] for name, each in in_turns(runs, rounds).items()}
    took["ours / empty"] = [ours / empty for ours, empty in zip(took["ours"], took["empty"], strict=True)]
    for name, figures in took.items():
        sys.stdout.write(f"{name}: {summary(figures)}, {rounds} pairs, seconds or their ratio: median (minimum)\n")
    return 0


async def run_to_the_first_resource() -> None:
    """Ends this process there, or, without a program, where it would begin."""
    from pulumi.runtime import set_mocks
    from pulumi.runtime.mocks import Mocks
    from pulumi.runtime.stack import wait_for_rpcs

    class UpToTheFirst(Mocks):
        def new_resource(self, args: Any) -> NoReturn:  # noqa: ARG002 - the SDK names it
            os._exit(0)

        call = new_resource

    set_mocks(UpToTheFirst(), "dkron-jobs", "bench")
    if len(sys.argv) < 2:
        os._exit(0)
    runpy.run_path(sys.argv[1], run_name="__main__")
    await wait_for_rpcs()
    sys.exit("the program registered no resource")


if __name__ == "__main__":
    asyncio.run(run_to_the_first_resource())
