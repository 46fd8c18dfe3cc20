"""Fields that don't stay as written: which of them are left out of the comparison, after how many equal rounds. Pure.

A round is a cycle that wrote a job and found right afterwards that a field of it is another than the one written. So a
change that somebody makes later is never taken for it. Another value in the declaration begins anew.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from provider.job.unkept import Prints, differing

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Written:
    """`wanted`: the print of what was written, "" for nothing; `rounds`: how often in a row it didn't stay."""

    wanted: str
    rounds: int

    @property
    def left_out(self) -> bool:
        return self.rounds >= ROUNDS


Unkept = Mapping[str, Mapping[str, Written]]  # job -> path of the field


def note(
    before: Unkept, written: Mapping[str, Prints], live: Mapping[str, Prints], declared: Collection[str]
) -> dict[str, dict[str, Written]]:
    """What is known after a good cycle that wrote those jobs, and then found those."""
    found = {name: _kept(paths) for name, paths in before.items() if name in declared}
    for name, wanted in written.items():
        known = before.get(name, {})
        found[name] = {
            path: _next(known.get(path), wanted.get(path, ""))
            for path in (differing(wanted, live[name]) if name in live else ())
        }
    return {name: paths for name, paths in found.items() if paths}


def _kept(paths: Mapping[str, Written]) -> dict[str, Written]:
    """Of a job that needed no write: a field that wasn't left out has stayed after all."""
    return {path: written for path, written in paths.items() if written.left_out}


def _next(before: Written | None, wanted: str) -> Written:
    return Written(wanted, before.rounds + 1 if before is not None and before.wanted == wanted else 1)


def left_out(unkept: Unkept) -> dict[str, dict[str, str]]:
    """What the provider is told: job -> path -> print of what was written."""
    by_job = {name: {p: w.wanted for p, w in paths.items() if w.left_out} for name, paths in unkept.items()}
    return {name: paths for name, paths in by_job.items() if paths}


def begun(before: Unkept, now: Unkept) -> Iterator[tuple[str, str]]:
    """The job and the path of each field that is left out from now on."""
    known = left_out(before)
    for name, paths in sorted(left_out(now).items()):
        yield from ((name, path) for path in sorted(paths) if known.get(name, {}).get(path) != paths[path])


def words(job: str, path: str) -> str:
    """What is told of such a field, once."""
    return (
        f'job "{job}": {path} did not stay as written for {ROUNDS} rounds; Dkron or something in front of it sets it, '
        "so it is left out of the comparison until its declaration changes"
    )
