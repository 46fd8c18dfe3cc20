"""The command line of a measurement. What is wrong with it is told in one line."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

SYSTEM_NAMES = ("ours", "floor", "reconciler", "wire")
JOBS = "0,8,100,1000,3000"
ROUNDS = "5"
MOST_JOBS = 20_000
MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """`rounds`: how many for each number of jobs."""

    rounds: Mapping[int, int]
    systems: tuple[str, ...]
    out: Path
    sandbox: bool
    cli_logs: bool = False

    @property
    def sizes(self) -> list[int]:
        return sorted(self.rounds)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"bench: {message} (see python -m bench --help)\n")


def _number(text: str, what: str, least: int, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f'"{text}" is no {what}: a whole number from {least} to {most} is')
    return int(text)


def parse_jobs(text: str) -> list[int]:
    """ "0,8,100" as numbers."""
    return sorted({_number(part, "number of jobs", 0, MOST_JOBS) for part in text.split(",")})


def parse_rounds(text: str) -> dict[int | None, int]:
    """ "5", or "0:5,1000:2" by number of jobs; a number without a size is for the sizes that aren't named."""
    found: dict[int | None, int] = {}
    for part in text.split(","):
        size, colon, count = part.rpartition(":")
        key = _number(size, "number of jobs", 0, MOST_JOBS) if colon else None
        if key in found:
            raise argparse.ArgumentTypeError(f'"{part.strip()}": told twice')
        found[key] = _number(count, "number of rounds", 1, MOST_ROUNDS)
    return found


def parse_only(text: str) -> tuple[str, ...]:
    """ "ours,floor" in the order in which they are measured."""
    named = [part.strip() for part in text.split(",")]
    for name in named:
        if name not in SYSTEM_NAMES:
            raise argparse.ArgumentTypeError(f'"{name}" is none of {", ".join(SYSTEM_NAMES)}')
    return tuple(name for name in SYSTEM_NAMES if name in named)


def parse(arguments: Sequence[str], others: Sequence[str] = ()) -> Options:
    """The options. Ends the program with one line where they are wrong."""
    parser = _Parser(
        prog="python -m bench",
        description="Measures this project beside a floor, a stateless reconciler and the bare wire.",
        epilog=f"Other commands: python -m bench {' | '.join(others)}" if others else None,
    )
    parser.add_argument("--jobs", type=parse_jobs, default=JOBS, metavar="N,N", help=f"numbers of jobs [{JOBS}]")
    parser.add_argument(
        "--rounds", type=parse_rounds, default=ROUNDS, metavar="N", help=f"rounds, or 8:5,1000:3 by size [{ROUNDS}]"
    )
    names = ",".join(SYSTEM_NAMES)
    parser.add_argument("--only", type=parse_only, default=names, metavar="NAME,NAME", help=f"systems [{names}]")
    parser.add_argument(
        "--out", type=Path, default=Path("docs"), metavar="DIR", help="for bench.json, bench.svg [docs]"
    )
    parser.add_argument("--sandbox", action="store_true", help="measure the stand-ins, even where the real tools are")
    parser.add_argument(
        "--cli-logs", action="store_true", help="let pulumi log its runs; the watcher's image has that switched off"
    )
    given = parser.parse_args(arguments)
    sizes: list[int] = given.jobs
    rounds: dict[int | None, int] = given.rounds
    missing = [size for size in sizes if size not in rounds and None not in rounds]
    if missing:
        parser.error(f"--rounds tells nothing for {missing[0]} jobs")
    unused = [size for size in rounds if size is not None and size not in sizes]
    if unused:
        parser.error(f"--rounds names {unused[0]} jobs, but --jobs doesn't")
    return Options(
        {size: rounds[size] if size in rounds else rounds[None] for size in sizes},
        given.only,
        given.out,
        given.sandbox,
        given.cli_logs,
    )
